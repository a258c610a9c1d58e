// Package page holds the dashboard page that package httpapi serves: the plain HTML, CSS
// and JavaScript modules in the folder static. Change them there; nothing has to be built.
//
// index.html is the page itself. It names every other file relative to where the API is
// mounted, as page/NAME. Nothing in it is fetched from elsewhere, and no script or style
// stands inside of the HTML: the policy that httpapi sends with it forbids both.
package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"sync"
)

// Index is the name of the page itself.
const Index = "index.html"

//go:embed static
var static embed.FS

// File is one file of the page. It never changes.
type File struct {
	Type string // Content-Type
	Data []byte
	Gzip []byte // Data compressed; nil where that is not smaller
	Hash string // of Data
}

// types are the kinds of files that a page may have, by the end of their names. They are
// not taken from the machine, which may know others.
var types = map[string]string{
	".html":  "text/html; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".mjs":   "text/javascript; charset=utf-8",
	".json":  "application/json; charset=utf-8",
	".txt":   "text/plain; charset=utf-8",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".ico":   "image/x-icon",
	".woff2": "font/woff2",
}

// embedded are the files by name, compressed once.
var embedded = sync.OnceValue(func() map[string]*File {
	files := map[string]*File{}
	root, err := fs.Sub(static, "static")
	if err != nil { // of a constant: cannot be
		panic(err)
	}
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := Read(root, name)
		if err != nil {
			return err
		}
		f.Gzip = compress(f.Data)
		files[name] = f
		return nil
	})
	if err != nil { // tests read all of them: cannot be
		panic(err)
	}
	return files
})

// Embedded returns the files that are part of the program, by their names, such as
// "app.js". Nobody may change the map.
func Embedded() map[string]*File { return embedded() }

// Read reads a file from elsewhere, such as the folder of one who changes the page. It is
// not compressed. A file that is not there, or is of a kind that a page has no use for, is
// an error that wraps fs.ErrNotExist.
func Read(fsys fs.FS, name string) (*File, error) {
	kind, ok := types[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("page: %s: a page has no such files: %w", name, fs.ErrNotExist)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	sum := sha256.Sum256(data)
	return &File{Type: kind, Data: data, Hash: hex.EncodeToString(sum[:16])}, nil
}

// compress returns data compressed as well as gzip can, nil where that is not smaller.
func compress(data []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil { // of a constant: cannot be
		panic(err)
	}
	_, _ = w.Write(data) // a bytes.Buffer takes everything
	_ = w.Close()
	if out.Len() >= len(data) {
		return nil
	}
	return out.Bytes()
}
