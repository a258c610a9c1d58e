package boltstore_test

import (
	"encoding/binary"
	"flag"
	"hash/crc32"
	"os"
	"testing"

	"go.etcd.io/bbolt"
)

var update = flag.Bool("update", false, "write the files under testdata")

// TestFixtures writes the files that other tests read, when asked to.
func TestFixtures(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	make := func(path string, f func(*bbolt.Tx) error) {
		_ = os.Remove(path)
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: 4096, NoFreelistSync: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(f); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	make("testdata/later.bolt", func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		v := binary.BigEndian.AppendUint64(nil, 1000)
		if err := b.Put([]byte("format"), binary.BigEndian.AppendUint32(v, crc32.Checksum(v, crc32.MakeTable(crc32.Castagnoli)))); err != nil {
			return err
		}
		b, err = tx.CreateBucket([]byte("records"))
		if err != nil {
			return err
		}
		return b.Put([]byte("x"), []byte("sealed in a way that is not invented yet"))
	})
	make("testdata/foreign.bolt", func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("users"))
		if err != nil {
			return err
		}
		return b.Put([]byte("ann"), []byte("admin"))
	})
}
