package analyze

import (
	"fmt"
	"strconv"
)

// Direction says which way a series gets worse. The zero Direction is Neutral.
type Direction uint8

const (
	Neutral       Direction = iota // neither way
	HigherIsWorse                  // such as a latency
	LowerIsWorse                   // such as the hit rate of a cache
)

var directions = [...]string{Neutral: "neutral", HigherIsWorse: "higher", LowerIsWorse: "lower"}

// String returns "neutral", "higher" or "lower".
func (d Direction) String() string {
	if int(d) < len(directions) {
		return directions[d]
	}
	return "Direction(" + strconv.Itoa(int(d)) + ")"
}

// MarshalText returns what String does. It fails for a Direction that has no name.
func (d Direction) MarshalText() ([]byte, error) {
	if int(d) >= len(directions) {
		return nil, fmt.Errorf("analyze: direction %d is not known: want 0 (neutral), 1 (higher) or 2 (lower)", uint8(d))
	}
	return []byte(directions[d]), nil
}

// UnmarshalText reads "neutral", "higher" or "lower". Anything else is an error, and
// leaves d as it was.
func (d *Direction) UnmarshalText(text []byte) error {
	for i, name := range directions {
		if string(text) == name {
			*d = Direction(i)
			return nil
		}
	}
	return fmt.Errorf(`analyze: direction %.40q is not known: want "neutral", "higher" or "lower"`, text)
}
