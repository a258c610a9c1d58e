package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// lockWait is how long opening waits for another process to give up the file, as the one
// does that a deploy replaces.
const lockWait = 2 * time.Second

// mapSize is how much of the file is mapped from the start, so that writing need not wait
// for those who read until the file is larger.
const mapSize = 64 << 20

// growBy is by how much the file grows at a time.
const growBy = 256 << 10

// damagedError says that a file is damaged.
type damagedError struct{ problems []string }

func (e *damagedError) Error() string {
	text := "the file is damaged: " + e.problems[0]
	if n := len(e.problems); n > 1 {
		text += fmt.Sprintf(", and %d more", n-1)
	}
	return text
}

// open opens the file at a path, and makes it where there is none. A damaged one is set
// aside, and what is sound in it copied; notes say so.
func open(path string, now time.Time) (db *bbolt.DB, notes []string, err error) {
	db, err = openSound(path)
	var damaged *damagedError
	if errors.As(err, &damaged) {
		note, err := setAside(path, now, damaged)
		if err != nil {
			return nil, nil, err
		}
		notes = append(notes, note)
		if db, err = openSound(path); err != nil {
			return nil, nil, err
		}
	} else if err != nil {
		return nil, nil, err
	}
	if err := db.Update(prepare); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, notes, nil
}

// openSound opens a file that is sound, empty, or not there yet.
func openSound(path string) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, options())
	switch {
	case err == nil:
		db.AllocSize = growBy
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, ErrLocked
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return nil, fmt.Errorf("%w: the folder and the file have to be writable", err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: the folder has to exist", err)
	}
	return nil, err
}

// options are those of bbolt. The list of free pages is not written: a third of each write
// would go there, and opening finds the pages anyway.
func options() *bbolt.Options {
	o := *bbolt.DefaultOptions
	o.Timeout = lockWait
	o.NoFreelistSync = true
	o.FreelistType = bbolt.FreelistArrayType // takes the first that fits, which keeps the file small
	o.OpenFile = openChecked
	if os.PathSeparator == '/' { // elsewhere the file itself would become so large
		o.InitialMmapSize = mapSize
	}
	return &o
}

// openChecked opens a file for bbolt, locks it, and looks at it before bbolt does.
func openChecked(path string, flag int, mode os.FileMode) (*os.File, error) {
	file, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	if err := lock(file, lockWait); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if info.Size() == 0 {
		return file, nil
	}
	if err := check(file, func(string, []byte, []byte) {}); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// setAside gives a damaged file another name and puts a new one in its place that has what
// is sound in it.
func setAside(path string, now time.Time, damaged *damagedError) (note string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	if err := lock(file, lockWait); err != nil {
		return "", err
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	kept, err := salvage(file, fresh)
	if err != nil {
		return "", errors.Join(fmt.Errorf("%w; a new file could not be made: %w", damaged, err), removeIfThere(fresh))
	}
	aside := asideName(path, now)
	if err := os.Link(path, aside); err != nil { // where there are no links, the name is free for a moment
		if err := os.Rename(path, aside); err != nil {
			return "", errors.Join(fmt.Errorf("%w; it could not be set aside: %w", damaged, err), removeIfThere(fresh))
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", err
	}
	return fmt.Sprintf("%v; it is kept as %s, and %d sound entries of it go on", damaged, filepath.Base(aside), kept), nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// asideName returns a name that is not taken.
func asideName(path string, now time.Time) string {
	name := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name
		}
		name = fmt.Sprintf("%s-%d", strings.TrimSuffix(name, fmt.Sprintf("-%d", n-1)), n)
	}
}
