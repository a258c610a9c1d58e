package main

import (
	"os"
	"path/filepath"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

// defaultData is a file in the user's cache folder, "" where there is none.
func defaultData() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "perfmon-quickstart", "perfmon.db")
}

// keepIn returns the option that keeps what the monitor knows in a file, none for "".
func keepIn(path string) ([]perfmon.Option, error) {
	if path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return []perfmon.Option{perfmon.WithStore(boltstore.At(path))}, nil
}
