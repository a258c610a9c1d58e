//go:build !unix

package system

func processTime() (float64, bool) { return 0, false }
