package boltstore

import (
	"encoding/binary"
	"errors"
	"os"

	"go.etcd.io/bbolt"

	"github.com/backend-prs/perfmon"
)

// salvage makes a file of what is sound in a damaged one, and returns how many entries
// that are.
func salvage(from *os.File, to string) (kept int, err error) {
	db, err := openSound(to)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := prepare(tx); err != nil {
			return err
		}
		had, number := uint64(0), uint64(0)
		var failed error
		_ = check(from, func(bucket string, key, value []byte) { // that it is damaged is known
			if bucket == string(metaBucket) {
				if string(key) == string(formatKey) {
					had = sealedNumber(value)
				}
				return
			}
			if bucket == string(recordBucket) {
				number = max(number, recordNumber(value))
			}
			kept++
			failed = errors.Join(failed, tx.Bucket([]byte(bucket)).Put(append([]byte{}, key...), append([]byte{}, value...)))
		})
		if had == 0 {
			had = format // its format is lost with the page that it was on
		}
		// The number of the last record is that of the last one that is left: the monitor
		// will go on from there.
		return errors.Join(failed, putFormat(tx, had), putNumber(tx, number))
	})
	return kept, err
}

// recordNumber returns the number of a record that is sound, 0 where it cannot be read.
func recordNumber(value []byte) uint64 {
	var r perfmon.Record
	data, err := unseal(value)
	if err != nil || r.UnmarshalBinary(data) != nil {
		return 0
	}
	return r.Number
}

// sealedNumber returns the number that a value is, 0 where it is none.
func sealedNumber(value []byte) uint64 {
	v, err := unseal(value)
	if err != nil || len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}
