//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package boltstore

import (
	"os"
	"time"
)

// lock leaves locking to bbolt.
func lock(*os.File, time.Duration) error { return nil }
