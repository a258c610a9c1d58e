// Package boltstore keeps what a monitor knows in one file, by go.etcd.io/bbolt, so that it
// survives crashes and deploys:
//
//	m, err := perfmon.New(perfmon.WithStore(boltstore.At("perfmon.db")))
//
// New opens the file, makes it where there is none, and reports what is wrong with it; Close
// of the monitor closes it. While a monitor has a file, no other process can open it. Every
// write is a transaction that is on the disk when the call returns.
//
// A damaged file stops no service: it is kept beside the new one under a name that says when
// it was found, what is sound in it goes on, and the monitor logs what was lost. A file of a
// later format is refused, one of an earlier format is brought up to date.
package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backend-prs/perfmon"
)

// Store is a perfmon.Store in a file. Make one with [At]. It belongs to one monitor at a
// time; when that is closed, another may have it. It is safe for concurrent use.
type Store struct {
	path string
	now  func() time.Time // names damaged files

	mu    sync.RWMutex // held while the file is used, so that Close waits
	db    *bbolt.DB    // nil: not open; mu
	notes []string     // what became of a damaged file; mu
}

// At returns a store in the file at a path. It touches nothing yet: perfmon.New opens the
// file and returns what is wrong with it. The folder has to exist.
func At(path string) *Store { return &Store{path: filepath.Clean(path), now: time.Now} }

// Path returns the path of the file.
func (s *Store) Path() string { return s.path }

// Notes returns what became of a damaged file when it was opened: one sentence each.
func (s *Store) Notes() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]string(nil), s.notes...)
}

// ErrLocked is returned, wrapped, when another process or monitor has the file.
var ErrLocked = errors.New("another process or monitor has it open; give each a file of its own")

// ErrFormat is returned, wrapped, for a file of a later format.
var ErrFormat = errors.New("it was written by a later version of perfmon")

// errClosed is returned by calls between Close and the next Load.
var errClosed = errors.New("boltstore: the file is not open")

// Close closes the file. Closing twice changes nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	if err := db.Close(); err != nil {
		return fmt.Errorf("boltstore: %s: %w", s.path, err)
	}
	return nil
}

// opened opens the file unless it is open.
func (s *Store) opened() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return nil
	}
	db, notes, err := open(s.path, s.now())
	if err != nil {
		return fmt.Errorf("boltstore: %s: %w", s.path, err)
	}
	s.db, s.notes = db, notes
	return nil
}

// update runs f in a transaction that is on the disk when update returns nil.
func (s *Store) update(ctx context.Context, f func(*bbolt.Tx) error) error {
	return s.use(ctx, func(db *bbolt.DB) error { return db.Update(f) })
}

// view runs f on a state of the file that does not change meanwhile.
func (s *Store) view(ctx context.Context, f func(*bbolt.Tx) error) error {
	return s.use(ctx, func(db *bbolt.DB) error { return db.View(f) })
}

// use lends out the file. Pages are read through a memory map: where somebody truncates
// the file or the disk fails, that is a fault, which becomes an error here.
func (s *Store) use(ctx context.Context, f func(*bbolt.DB) error) (err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("boltstore: %s: the file has become damaged: %v", s.path, p)
		}
	}()
	if err := f(s.db); err != nil {
		return fmt.Errorf("boltstore: %s: %w", s.path, err)
	}
	return nil
}

// Append implements perfmon.Store.
func (s *Store) Append(ctx context.Context, after uint64, records []perfmon.Record) error {
	return s.update(ctx, func(tx *bbolt.Tx) error {
		if readNumber(tx) != after {
			return perfmon.ErrConflict
		}
		bucket := tx.Bucket(recordBucket)
		for _, r := range records {
			data, err := r.AppendBinary(nil)
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(r.Identity()), seal(data)); err != nil {
				return err
			}
			after = r.Number
		}
		return putNumber(tx, after)
	})
}

// AddPoint implements perfmon.Store. Points at or after the new one, which a clock that was
// set back leaves behind, go.
func (s *Store) AddPoint(ctx context.Context, p perfmon.Point) error {
	return s.update(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(pointBucket)
		if err := deleteBetween(bucket, timeKey(p.Time), lastKey); err != nil {
			return err
		}
		data, err := p.AppendBinary(nil)
		if err != nil {
			return err
		}
		return bucket.Put(timeKey(p.Time), seal(data))
	})
}

// Load implements perfmon.Store. It opens the file first.
func (s *Store) Load(ctx context.Context, record func(perfmon.Record) error, point func(perfmon.Point) error) error {
	if err := s.opened(); err != nil {
		return err
	}
	return s.view(ctx, func(tx *bbolt.Tx) error {
		if err := loadRecords(ctx, tx, record); err != nil {
			return err
		}
		c := tx.Bucket(pointBucket).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			var p perfmon.Point
			if err := decode(ctx, v, &p); err != nil {
				return err
			}
			if err := point(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// loadRecords calls record for all records, by number.
func loadRecords(ctx context.Context, tx *bbolt.Tx, record func(perfmon.Record) error) error {
	var list []perfmon.Record
	c := tx.Bucket(recordBucket).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		var r perfmon.Record
		if err := decode(ctx, v, &r); err != nil {
			return err
		}
		list = append(list, r)
	}
	sortByNumber(list)
	for _, r := range list {
		if err := record(r); err != nil {
			return err
		}
	}
	return nil
}

// Check looks at every page of the file that can be reached, and at the checksum of every
// value. It reads a state of the file that does not change meanwhile, and takes about a
// tenth of a second for 40 MB. Opening a file does the same.
func (s *Store) Check(ctx context.Context) error {
	return s.view(ctx, func(tx *bbolt.Tx) error {
		file, err := os.Open(s.path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		return checkUpTo(file, uint64(tx.ID()), func(string, []byte, []byte) {})
	})
}
