package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// bbolt trusts its file: a damaged page makes it panic, or follow a page number to a page
// that is none. So each page that can be reached is looked at here first, in the file and
// not in a memory map. The layout is that of bbolt's file format, version 2.

var (
	errChecksum = errors.New("the checksum of a value does not match")
	errNotOurs  = errors.New("it is no file of boltstore")
)

const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	headerSize  = 16 // of a page: id, flags, count, overflow
	elementSize = 16 // of an entry of a page
	metaSize    = 64

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketEntry  = 0x01
	noFreelist   = ^uint64(0)

	maxDepth = 64
)

// meta is what a meta page says.
type meta struct {
	pageSize, root, freelist, pages, tx uint64
}

// walker looks at every page that can be reached.
type walker struct {
	file io.ReaderAt
	meta meta
	seen map[uint64]bool
	// found is called for each sound entry of a bucket of the root.
	found    func(bucket string, key, value []byte)
	problems []string
	format   uint64 // 0: not found
	foreign  bool   // it has buckets that are not of this package
}

// maxProblems is how many problems are told apart.
const maxProblems = 20

func (w *walker) problem(format string, args ...any) {
	if len(w.problems) < maxProblems {
		w.problems = append(w.problems, fmt.Sprintf(format, args...))
	}
}

// check looks at a file, and calls found for each entry that is sound. The error is
// *damagedError, errNotOurs or ErrFormat.
func check(file io.ReaderAt, found func(bucket string, key, value []byte)) error {
	return checkUpTo(file, ^uint64(0), found)
}

// checkUpTo is check for the file as of a transaction.
func checkUpTo(file io.ReaderAt, tx uint64, found func(bucket string, key, value []byte)) error {
	w := &walker{file: file, seen: map[uint64]bool{0: true, 1: true}, found: found}
	m, ok := w.readMeta(tx)
	if !ok && !w.hasMagic() {
		return errNotOurs
	}
	if !ok {
		return &damagedError{[]string{"both of its first pages are damaged"}}
	}
	w.meta = m
	w.page("", m.root, nil, nil, 0)
	w.freelist()
	switch {
	case w.format > format:
		return laterFormat(w.format)
	case w.foreign && w.format == 0:
		return errNotOurs
	case len(w.problems) > 0:
		return &damagedError{w.problems}
	}
	return nil
}

// hasMagic reports whether one of the first pages is marked as bbolt's, damaged or not.
func (w *walker) hasMagic() bool {
	for _, at := range metaPlaces() {
		b := make([]byte, 4)
		if _, err := w.file.ReadAt(b, at+headerSize); err == nil && binary.NativeEndian.Uint32(b) == boltMagic {
			return true
		}
	}
	return false
}

// metaPlaces are where a meta page may begin: at the start, or after a page of any size.
func metaPlaces() []int64 {
	places := []int64{0}
	for size := int64(512); size <= 1<<16; size <<= 1 {
		places = append(places, size)
	}
	return places
}

// readMeta returns the later of the meta pages that are sound and not later than a
// transaction. Where one of the two is damaged, it may have been the later.
func (w *walker) readMeta(tx uint64) (best meta, ok bool) {
	found := 0
	for _, at := range metaPlaces() {
		m, sound := w.metaAt(at)
		if !sound || at > 0 && m.pageSize != uint64(at) {
			continue
		}
		found++
		if m.tx <= tx && (!ok || m.tx > best.tx) {
			best, ok = m, true
		}
	}
	if found == 1 {
		w.problem("one of its first two pages is damaged, so what was written last may be missing")
	}
	return best, ok
}

func (w *walker) metaAt(at int64) (m meta, sound bool) {
	b := make([]byte, headerSize+metaSize)
	if _, err := w.file.ReadAt(b, at); err != nil {
		return m, false
	}
	b = b[headerSize:]
	u32, u64 := binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8])
	m = meta{pageSize: uint64(u32(b[8:])), root: u64(b[16:]), freelist: u64(b[32:]), pages: u64(b[40:]), tx: u64(b[48:])}
	sound = u32(b) == boltMagic && u32(b[4:]) == boltVersion && u64(b[metaSize-8:]) == sum.Sum64() &&
		m.pageSize >= 512 && m.pageSize <= 1<<16 && m.pageSize&(m.pageSize-1) == 0 && m.pages >= 2
	return m, sound
}

// read returns a page with those that it runs over into, and what its header says.
func (w *walker) read(id uint64) (data []byte, flags, count uint16, ok bool) {
	if id < 2 || id >= w.meta.pages {
		w.problem("page %d is outside the file", id)
		return nil, 0, 0, false
	}
	header := make([]byte, headerSize)
	if _, err := w.file.ReadAt(header, int64(id*w.meta.pageSize)); err != nil {
		w.problem("page %d cannot be read: %v", id, err)
		return nil, 0, 0, false
	}
	overflow := uint64(binary.NativeEndian.Uint32(header[12:]))
	flags, count = binary.NativeEndian.Uint16(header[8:]), binary.NativeEndian.Uint16(header[10:])
	if self := binary.NativeEndian.Uint64(header); self != id || id+overflow >= w.meta.pages {
		w.problem("page %d says that it is page %d and %d more", id, self, overflow)
		return nil, 0, 0, false
	}
	for p := id; p <= id+overflow; p++ {
		if w.seen[p] {
			w.problem("page %d is used twice", p)
			return nil, 0, 0, false
		}
		w.seen[p] = true
	}
	data = make([]byte, (overflow+1)*w.meta.pageSize)
	// The last page may be written only as far as it is used.
	if n, err := w.file.ReadAt(data, int64(id*w.meta.pageSize)); err != nil && !(errors.Is(err, io.EOF) && n > headerSize) {
		w.problem("page %d cannot be read: %v", id, err)
		return nil, 0, 0, false
	} else if n < len(data) {
		w.problem("page %d is cut", id)
		return nil, 0, 0, false
	}
	return data, flags, count, true
}

// page looks at a page of a bucket ("": the root) whose keys have to lie from low to below
// high, nil for no bound.
func (w *walker) page(bucket string, id uint64, low, high []byte, depth int) {
	if depth > maxDepth {
		w.problem("page %d lies too deep", id)
		return
	}
	data, flags, count, ok := w.read(id)
	if !ok {
		return
	}
	switch {
	case flags == leafPage:
		w.leaf(bucket, fmt.Sprint("page ", id), data, count, low, high, depth)
	case flags == branchPage && count > 0:
		w.branch(bucket, id, data, count, low, high, depth)
	default:
		w.problem("page %d is of no known kind", id)
	}
}

// element returns the key of an entry and what follows it, and where the next one has to
// begin. bbolt writes keys and values one after the other behind the list of entries, so
// the place of each is known, and a number that is wrong shows.
func element(data []byte, at, expected int, pos, keySize, valueSize uint64) (key, value []byte, next int, ok bool) {
	from := uint64(at) + pos
	if keySize == 0 || from != uint64(expected) || from+keySize+valueSize > uint64(len(data)) {
		return nil, nil, 0, false
	}
	end := from + keySize + valueSize
	return data[from : from+keySize], data[from+keySize : end], int(end), true
}

// inOrder reports whether a key comes after the one before, and lies within the bounds.
func inOrder(key, before, low, high []byte) bool {
	return (before == nil || bytes.Compare(before, key) < 0) && (low == nil || bytes.Compare(low, key) <= 0) && (high == nil || bytes.Compare(key, high) < 0)
}

func (w *walker) branch(bucket string, id uint64, data []byte, count uint16, low, high []byte, depth int) {
	if headerSize+int(count)*elementSize > len(data) {
		w.problem("page %d has more entries than fit", id)
		return
	}
	type child struct {
		key  []byte
		page uint64
	}
	var children []child
	var before []byte
	expected := headerSize + int(count)*elementSize
	for i := range int(count) {
		at := headerSize + i*elementSize
		pos, keySize := binary.NativeEndian.Uint32(data[at:]), binary.NativeEndian.Uint32(data[at+4:])
		key, _, next, ok := element(data, at, expected, uint64(pos), uint64(keySize), 0)
		expected = next
		if !ok || !inOrder(key, before, nil, high) {
			w.problem("page %d: entry %d is damaged", id, i)
			return
		}
		before = key
		children = append(children, child{key, binary.NativeEndian.Uint64(data[at+8:])})
	}
	for i, c := range children {
		from, to := c.key, high
		if i == 0 {
			from = low // keys below the first one go to its page, too
		}
		if i+1 < len(children) {
			to = children[i+1].key
		}
		w.page(bucket, c.page, from, to, depth+1)
	}
}

// leaf looks at the entries of a leaf, which may lie within another one.
func (w *walker) leaf(bucket, where string, data []byte, count uint16, low, high []byte, depth int) {
	if headerSize+int(count)*elementSize > len(data) {
		w.problem("%s has more entries than fit", where)
		return
	}
	var before []byte
	expected := headerSize + int(count)*elementSize
	for i := range int(count) {
		at := headerSize + i*elementSize
		u32 := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(data[at+n:])) }
		flags := u32(0)
		key, value, next, ok := element(data, at, expected, u32(4), u32(8), u32(12))
		expected = next
		if !ok || flags > bucketEntry || !inOrder(key, before, low, high) {
			w.problem("%s: entry %d is damaged", where, i)
			return
		}
		before = key
		switch {
		case (flags == bucketEntry) != (bucket == ""):
			w.problem("%s: entry %d is at the wrong place", where, i)
		case flags == bucketEntry:
			w.bucket(string(key), value, depth)
		default:
			w.entry(bucket, where, key, value)
		}
	}
}

// entry looks at an entry of a bucket of the root.
func (w *walker) entry(bucket, where string, key, value []byte) {
	if !slices.ContainsFunc(buckets, func(b []byte) bool { return string(b) == bucket }) {
		w.foreign = true
		return
	}
	sound, err := unseal(value)
	if err != nil {
		w.problem("%s: %q of %s: %v", where, key, bucket, err)
		return
	}
	if bucket == string(metaBucket) && bytes.Equal(key, formatKey) && len(sound) == 8 {
		w.format = binary.BigEndian.Uint64(sound)
	}
	w.found(bucket, key, value)
}

// bucket looks at a bucket, whose entries lie on pages of its own or within its value.
func (w *walker) bucket(name string, value []byte, depth int) {
	if len(value) < 16 {
		w.problem("the bucket %q is cut", name)
		return
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		w.page(name, root, nil, nil, depth+1)
		return
	}
	inner := value[16:]
	if len(inner) < headerSize || binary.NativeEndian.Uint16(inner[8:]) != leafPage {
		w.problem("the bucket %q is damaged", name)
		return
	}
	w.leaf(name, fmt.Sprintf("the bucket %q", name), inner, binary.NativeEndian.Uint16(inner[10:]), nil, nil, depth+1)
}

// freelist looks at the list of free pages, which this package does not write but other
// programs that open the file may.
func (w *walker) freelist() {
	if w.meta.freelist == noFreelist {
		return
	}
	data, flags, count, ok := w.read(w.meta.freelist)
	if !ok {
		return
	}
	n, ids := uint64(count), data[headerSize:]
	if count == 0xFFFF { // the number itself did not fit
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if flags != freelistPage || n > uint64(len(ids)/8) {
		w.problem("the list of free pages is damaged")
		return
	}
	for i := range int(n) {
		id := binary.NativeEndian.Uint64(ids[8*i:])
		if id < 2 || id >= w.meta.pages || w.seen[id] {
			w.problem("page %d is free and used", id)
			return
		}
		w.seen[id] = true
	}
}
