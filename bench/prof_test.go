package main

import "testing"

func BenchmarkSteps(b *testing.B) {
	for b.Loop() {
		steps(false)
	}
}
func BenchmarkAnswers(b *testing.B) {
	for b.Loop() {
		answers(false)
	}
}
