package main

import (
	"io"
	"os"
)

// open opens a file to read, where - is the standard input.
func (a *app) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.in), nil
	}
	return os.Open(name)
}
