//go:build !linux

package system

import (
	"math"
	"runtime"
	"time"
)

// Reader reads over spans that follow each other. It belongs to one goroutine.
type Reader struct{ own span }

// New returns a reader. Beyond Linux it knows the memory that the runtime has mapped and,
// where the system tells it, the process's own processor time; the rest is absent.
func New() (*Reader, error) { return &Reader{}, nil }

// Read takes a reading at the time now.
func (r *Reader) Read(now time.Time) (Stats, error) {
	nan := math.NaN()
	s := Stats{mappedMB(), nan, nan, nan, nan, nan}
	if used, ok := processTime(); ok {
		if p, ok := r.own.percent(used, now, float64(runtime.NumCPU())); ok {
			s.ProcessCPUPercent = p
		}
	}
	return s, nil
}
