package digest

import "github.com/backend-prs/perfmon/sketch"

// Restore appends what was counted from one time to another, in Unix milliseconds, at or
// after the end of all that the log holds. times is the binary form of a sketch; it has to
// be sound, and is copied.
func (l *Log) Restore(from, to int64, responses, errors uint64, times []byte) {
	if responses == 0 {
		return
	}
	if l.open != nil {
		l.seal()
	}
	var sum sketch.Sketch
	_ = sum.MergeBinary(times) // sound, as said
	l.entries = append(l.entries, entry{span{from, to, responses, errors}, pack(&sum)})
}
