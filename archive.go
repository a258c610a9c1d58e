package perfmon

import (
	"context"
	"time"
)

// An Archive is a Store that also keeps history in blocks, far beyond what memory holds. A
// monitor whose store is one rolls its points up: into points of 5 minutes that are kept for
// 30 days, and of an hour that are kept for 13 months, with the response times of every scope
// as merged sketches. They stay in the store and are read when somebody asks.
type Archive interface {
	Store
	// Points calls f for each point after since and not after until, by time.
	Points(ctx context.Context, since, until time.Time, f func(Point) error) error
	// Roll does all that it is told or, with an error, nothing.
	Roll(ctx context.Context, r Roll) error
	// Blocks calls f for each block of a tier that begins at or after from and before to,
	// by time. The data of a block is good until f returns. Blocks is safe for concurrent
	// use, also beside the other methods.
	Blocks(ctx context.Context, tier int, from, to time.Time, f func(Block) error) error
}

// Block is a stretch of history in a form that only perfmon reads.
type Block struct {
	Tier int       // how coarse its points are, from 0, where they are those of the interval
	From time.Time // when the stretch begins; tier and From identify the block
	Data []byte
}

// Roll is what an Archive does when points are rolled up.
type Roll struct {
	// Blocks are kept, in place of those with the same tier and From.
	Blocks []Block
	// Through is the time of the last point that is in the blocks: it goes, and so do
	// those before it.
	Through time.Time
	// Oldest are the times of From, by tier, before which blocks go.
	Oldest []time.Time
	// Keep says by its Identity which records stay. The one with the highest number stays
	// in any case.
	Keep func(identity string) bool
}

// tier is how a part of history is kept: points of so much time, so many of which are in a
// block, for so long.
type tier struct {
	step, span, keep time.Duration
}

const (
	day  = 24 * time.Hour
	week = 7 * day

	// Reach is how far history goes back where the store is an Archive: 13 months.
	archiveReach = 396 * day
)

// tiers are the tiers of a monitor that holds points in memory for so long. The coarser tiers
// begin where the finer ones end, at the end of a block: each is kept a block longer than it
// is needed.
func tiers(retention time.Duration) [3]tier {
	fine := max(30*day, retention)
	return [3]tier{
		{0, time.Hour, retention + day + time.Hour},
		{5 * time.Minute, day, fine + week + day},
		{time.Hour, week, archiveReach + week},
	}
}

// blockStart returns when the block begins that a point at t belongs to. A point stands for
// the time before it, so one at the end of a stretch belongs to it.
func blockStart(t time.Time, span time.Duration) time.Time {
	return t.Add(-time.Millisecond).UTC().Truncate(span)
}

// archive is the journal's store where that is an Archive; nil otherwise.
func (j *journal) archive() Archive {
	a, _ := j.store.(Archive)
	return a
}
