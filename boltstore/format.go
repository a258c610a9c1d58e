package boltstore

import (
	"bytes"
	"context"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backend-prs/perfmon"
)

// The file has three buckets. Every value ends with a checksum of the rest, so that a
// damaged one is known by itself:
//
//	meta     format   the number of the format
//	         number   the number of the last record
//	records  identity of a record, its binary encoding: the latest of each identity
//	points   time of a point, its binary encoding
//	blocks   tier and time of a block, its data; since format 2
var (
	metaBucket   = []byte("meta")
	recordBucket = []byte("records")
	pointBucket  = []byte("points")
	blockBucket  = []byte("blocks")

	buckets = [][]byte{metaBucket, recordBucket, pointBucket, blockBucket}

	formatKey = []byte("format")
	numberKey = []byte("number")

	lastKey = bytes.Repeat([]byte{0xff}, 9) // sorts after all times
)

// format is the number of the format that this package writes.
const format = 2

// migrations bring a file from the format at their place to the next. Buckets that are
// missing are made before. Points of format 1 are rolled up by the monitor.
var migrations = map[uint64]func(*bbolt.Tx) error{
	1: func(*bbolt.Tx) error { return nil },
}

// prepare makes a new file ready, or brings an old one up to date.
func prepare(tx *bbolt.Tx) error {
	fresh := tx.Bucket(metaBucket) == nil
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if fresh {
		return putFormat(tx, format)
	}
	had, err := readFormat(tx)
	if err != nil || had == format {
		return err
	}
	for ; had < format; had++ {
		migrate, ok := migrations[had]
		if !ok {
			return fmt.Errorf("format %d is not known", had)
		}
		if err := migrate(tx); err != nil {
			return fmt.Errorf("from format %d to %d: %w", had, had+1, err)
		}
	}
	return putFormat(tx, format)
}

// readFormat returns the format of a file, and an error where this package cannot read it.
func readFormat(tx *bbolt.Tx) (uint64, error) {
	had := sealedNumber(tx.Bucket(metaBucket).Get(formatKey))
	if had == 0 {
		return 0, errNotOurs
	}
	if had > format {
		return 0, laterFormat(had)
	}
	return had, nil
}

func laterFormat(had uint64) error {
	return fmt.Errorf("%w: it has format %d, and this one reads formats up to %d", ErrFormat, had, format)
}

func putFormat(tx *bbolt.Tx, n uint64) error {
	return tx.Bucket(metaBucket).Put(formatKey, seal(binary.BigEndian.AppendUint64(nil, n)))
}

// readNumber returns the number of the last record.
func readNumber(tx *bbolt.Tx) uint64 { return sealedNumber(tx.Bucket(metaBucket).Get(numberKey)) }

func putNumber(tx *bbolt.Tx, n uint64) error {
	return tx.Bucket(metaBucket).Put(numberKey, seal(binary.BigEndian.AppendUint64(nil, n)))
}

// timeKey makes a time a key that sorts as times do.
func timeKey(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixMilli())^1<<63)
}

// blockKey makes the identity of a block a key.
func blockKey(tier int, from time.Time) []byte { return append([]byte{byte(tier)}, timeKey(from)...) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealSize is how long a checksum is.
const sealSize = 4

// seal appends the checksum of a value.
func seal(v []byte) []byte {
	return binary.BigEndian.AppendUint32(v, crc32.Checksum(v, castagnoli))
}

// unseal checks the checksum of a value and returns what comes before it.
func unseal(v []byte) ([]byte, error) {
	n := len(v) - sealSize
	if n < 0 || crc32.Checksum(v[:n], castagnoli) != binary.BigEndian.Uint32(v[n:]) {
		return nil, errChecksum
	}
	return v[:n:n], nil
}

// decode reads a value.
func decode(ctx context.Context, v []byte, to encoding.BinaryUnmarshaler) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := unseal(v)
	if err != nil {
		return err
	}
	return to.UnmarshalBinary(data)
}

func sortByNumber(list []perfmon.Record) {
	slices.SortFunc(list, func(a, b perfmon.Record) int {
		if a.Number < b.Number {
			return -1
		}
		return 1
	})
}
