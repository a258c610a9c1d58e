package perfmon

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"github.com/backend-prs/perfmon/internal/distinct"
	"github.com/backend-prs/perfmon/internal/wire"
)

// maxSetBytes is past what no encoded set of strings is.
const maxSetBytes = 64 << 10

// packed compresses a set of strings, whose encoding is the larger part of what an idle
// replica pushes, to about half. Sketches it would not make much smaller.
func packed(data []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed) // the level is a valid one
	_, _ = w.Write(data)                         // a buffer takes all
	_ = w.Close()
	return b.Bytes()
}

// mergePacked adds a set that packed compressed.
func mergePacked(set *distinct.Set, data []byte) error {
	r := flate.NewReader(bytes.NewReader(data))
	plain, err := io.ReadAll(io.LimitReader(r, maxSetBytes))
	if err != nil {
		return fmt.Errorf("%w: %w", wire.ErrDamaged, err)
	}
	return set.MergeBinary(plain)
}
