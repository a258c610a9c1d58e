package system

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// kept is a file of the kernel's that is read again and again: it stays open, and what is
// read lies in the same memory each time. It belongs to one goroutine.
type kept struct {
	path string
	file *os.File // nil: not open
	data []byte
}

// read returns what the file holds now, good until the next read. A file that cannot be
// read, such as one of a control group that is gone, is opened anew the next time.
func (k *kept) read() ([]byte, error) {
	if k.file == nil {
		f, err := os.Open(k.path)
		if err != nil {
			return nil, err
		}
		k.file = f
	}
	if k.data == nil {
		k.data = make([]byte, 4<<10)
	}
	for {
		// The kernel writes the whole of such a file for each call that reads it, and gives
		// all of it to one that has room: os.File, which asks until there is no more, would
		// have it written twice.
		n, err := syscall.Pread(int(k.file.Fd()), k.data, 0)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			_ = k.file.Close()
			k.file = nil
			return nil, &os.PathError{Op: "read", Path: k.path, Err: err}
		case n < len(k.data):
			return k.data[:n], nil
		default:
			k.data = make([]byte, 2*len(k.data)) // it was full
		}
	}
}

// number reads a file that holds one number; "max" is an error like any word.
func (k *kept) number() (float64, error) {
	data, err := k.read()
	if err != nil {
		return 0, err
	}
	word, _ := cutWord(data)
	return parse(word)
}

// key reads the number behind a key, which begins a line.
func (k *kept) key(key string) (float64, error) {
	data, err := k.read()
	if err != nil {
		return 0, err
	}
	return k.keyIn(data, key)
}

// keyIn does the same in what read has returned.
func (k *kept) keyIn(data []byte, key string) (float64, error) {
	if rest, ok := lineOf(data, key); ok {
		word, _ := cutWord(rest)
		return parse(word)
	}
	return 0, fmt.Errorf("%s: no %s", k.path, key)
}

// lineOf returns what follows the word that begins a line, to the end of that line.
func lineOf(data []byte, word string) (rest []byte, ok bool) {
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		if len(line) > len(word) && string(line[:len(word)]) == word && (line[len(word)] == ' ' || line[len(word)] == '\t') {
			return line[len(word):], true
		}
	}
	return nil, false
}

// cutWord returns the first word of a line, and what follows it.
func cutWord(line []byte) (word, rest []byte) {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t' || line[0] == '\n') {
		line = line[1:]
	}
	for i, c := range line {
		if c == ' ' || c == '\t' || c == '\n' {
			return line[:i], line[i:]
		}
	}
	return line, nil
}

// parse reads a number. The kernel's are whole ones, which cost no memory.
func parse(word []byte) (float64, error) {
	var n uint64
	for _, c := range word {
		if c < '0' || c > '9' || n > 1<<59 {
			return strconv.ParseFloat(string(word), 64)
		}
		n = 10*n + uint64(c-'0')
	}
	if len(word) == 0 {
		return 0, strconv.ErrSyntax
	}
	return float64(n), nil
}
