package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backend-prs/perfmon"
)

// Points implements perfmon.Archive.
func (s *Store) Points(ctx context.Context, since, until time.Time, f func(perfmon.Point) error) error {
	return s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(pointBucket).Cursor()
		last := timeKey(until)
		for k, v := c.Seek(timeKey(since.Add(time.Millisecond))); k != nil && bytes.Compare(k, last) <= 0; k, v = c.Next() {
			var p perfmon.Point
			if err := decode(ctx, v, &p); err != nil {
				return err
			}
			if err := f(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Blocks implements perfmon.Archive.
func (s *Store) Blocks(ctx context.Context, tier int, from, to time.Time, f func(perfmon.Block) error) error {
	return s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(blockBucket).Cursor()
		end := blockKey(tier, to)
		for k, v := c.Seek(blockKey(tier, from)); k != nil && bytes.Compare(k, end) < 0; k, v = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if len(v) < sealSize {
				return errChecksum
			}
			// Its own checksum is left alone: blocks have one inside, which their reader
			// checks, and a year of them is megabytes.
			if err := f(perfmon.Block{Tier: tier, From: keyTime(k[1:]), Data: v[:len(v)-sealSize]}); err != nil {
				return err
			}
		}
		return nil
	})
}

// keyTime is the time that timeKey made a key.
func keyTime(k []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(k) ^ 1<<63)).UTC()
}

// Roll implements perfmon.Archive.
func (s *Store) Roll(ctx context.Context, r perfmon.Roll) error {
	return s.update(ctx, func(tx *bbolt.Tx) error {
		for _, b := range r.Blocks {
			if err := tx.Bucket(blockBucket).Put(blockKey(b.Tier, b.From), seal(bytes.Clone(b.Data))); err != nil {
				return err
			}
		}
		if err := deleteBetween(tx.Bucket(pointBucket), nil, timeKey(r.Through.Add(time.Millisecond))); err != nil {
			return err
		}
		for tier, oldest := range r.Oldest {
			if err := deleteBetween(tx.Bucket(blockBucket), []byte{byte(tier)}, blockKey(tier, oldest)); err != nil {
				return err
			}
		}
		return forget(tx, r.Keep)
	})
}

// deleteBetween deletes the entries from one key to before another.
func deleteBetween(b *bbolt.Bucket, from, to []byte) error {
	var keys [][]byte
	c := b.Cursor()
	for k, _ := c.Seek(from); k != nil && bytes.Compare(k, to) < 0; k, _ = c.Next() {
		keys = append(keys, k)
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes the records that do not matter any more. The last one stays: by its number
// the next monitor knows that it knows all.
func forget(tx *bbolt.Tx, keep func(string) bool) error {
	if keep == nil {
		return nil
	}
	var keys [][]byte
	last := readNumber(tx)
	b := tx.Bucket(recordBucket)
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if !keep(string(k)) && recordNumber(v) != last {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

var _ perfmon.Archive = (*Store)(nil)
