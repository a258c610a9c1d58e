// Package csvfile reads a series of numbers out of a CSV file: it finds the columns,
// takes times as people and programs write them, and says which rows are bad. It needs the
// memory of a few lines, however large the file is.
package csvfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Options say what is not to be found out.
type Options struct {
	// Time and Value name columns, by their head or by their number from 1 on. "" finds
	// them.
	Time, Value string
	// Step is how far rows of a file without times are apart; 0: there are times.
	Step time.Duration
	// Zone is that of times that do not say one; nil is UTC.
	Zone *time.Location
}

// Point is a row that was kept.
type Point struct {
	Time  time.Time
	Value float64
}

// BadRow is a row that was not.
type BadRow struct {
	Line int // from 1 on
	Why  string
}

const (
	maxLine  = 1 << 20
	sampled  = 200 // rows that columns are found by
	maxShown = 10  // bad rows that are kept

	maxColumns = 1000 // of which those that are looked for are found
)

// Reader reads points. It belongs to one goroutine.
type Reader struct {
	// TimeColumn and ValueColumn are the heads of the columns, or their numbers; the former
	// is "" in a file without times.
	TimeColumn, ValueColumn string
	// Skipped counts bad rows, and Bad has the first ones.
	Skipped int
	Bad     []BadRow

	in          *bufio.Reader
	line        int // that was read last
	separator   byte
	o           Options
	head        []string
	buffered    []row // read to find columns
	time, value int   // columns; time is -1 where there are none
	rows        int   // kept, of a file without times
}

// row is a line with its fields.
type row struct {
	line   int
	fields []string
	bad    string // why it has none
}

// NewReader finds the columns. The error names what is wrong with the file or an option.
func NewReader(in io.Reader, o Options) (*Reader, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	r := &Reader{in: bufio.NewReaderSize(in, 64<<10), o: o, time: -1, value: -1}
	for len(r.buffered) < sampled {
		next, err := r.readRow()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		r.buffered = append(r.buffered, next)
	}
	if len(r.buffered) == 0 {
		return nil, errors.New("the file is empty")
	}
	return r, r.findColumns()
}

// Next returns the next point, or io.EOF.
func (r *Reader) Next() (Point, error) {
	for {
		next, err := r.nextRow()
		if err != nil {
			return Point{}, err
		}
		p, why := r.point(next)
		if why == "" {
			return p, nil
		}
		r.Skipped++
		if len(r.Bad) < maxShown {
			r.Bad = append(r.Bad, BadRow{next.line, why})
		}
	}
}

func (r *Reader) nextRow() (row, error) {
	if len(r.buffered) > 0 {
		next := r.buffered[0]
		r.buffered = r.buffered[1:]
		return next, nil
	}
	return r.readRow()
}

// point reads a row; why says what is wrong with it.
func (r *Reader) point(x row) (p Point, why string) {
	if x.bad != "" {
		return p, x.bad
	}
	field := func(column int) string {
		if column < len(x.fields) {
			return x.fields[column]
		}
		return ""
	}
	v, ok := parseNumber(field(r.value), r.separator)
	switch {
	case r.value >= len(x.fields) || r.time >= len(x.fields):
		return p, fmt.Sprintf("it has %d columns", len(x.fields))
	case field(r.value) == "":
		return p, "the value is empty"
	case !ok:
		return p, fmt.Sprintf("%.40q is no number", field(r.value))
	case r.time < 0:
		p = Point{time.Unix(0, 0).UTC().Add(time.Duration(r.rows) * r.o.Step), v}
		r.rows++
		return p, ""
	}
	t, ok := parseTime(field(r.time), r.o.Zone)
	if !ok {
		return p, fmt.Sprintf("%.40q is no time", field(r.time))
	}
	return Point{t, v}, ""
}

// readRow reads the next line that is neither empty nor a comment.
func (r *Reader) readRow() (row, error) {
	for {
		text, long, err := r.readLine()
		if err != nil {
			return row{}, err
		}
		if r.line == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		if long {
			return row{line: r.line, bad: fmt.Sprintf("it is longer than %d KiB", maxLine>>10)}, nil
		}
		if strings.TrimSpace(text) == "" || text[0] == '#' {
			continue
		}
		if r.separator == 0 {
			r.separator = findSeparator(text)
		}
		fields, ok := split(text, r.separator)
		if !ok {
			return row{line: r.line, bad: "a quote does not end"}, nil
		}
		return row{line: r.line, fields: fields}, nil
	}
}

// readLine reads a line without its end. Of one that is too long it reads all, and keeps
// nothing.
func (r *Reader) readLine() (text string, long bool, err error) {
	var b []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if long = long || len(b)+len(part) > maxLine; !long {
			b = append(b, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(b) > 0 || long):
		case err != nil:
			return "", false, err
		}
		r.line++
		return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), long, nil
	}
}

// findSeparator picks what there is most of in a line.
func findSeparator(line string) byte {
	best, most := byte(','), 0
	for _, c := range []byte{',', ';', '\t'} {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// split returns the fields of a line, without quotes and the spaces around them.
func split(line string, separator byte) (fields []string, ok bool) {
	for {
		line = strings.TrimLeft(line, " ")
		if !strings.HasPrefix(line, `"`) {
			field, rest, more := strings.Cut(line, string(separator))
			fields = append(fields, strings.TrimSpace(field))
			if line = rest; !more {
				return fields, true
			}
			continue
		}
		var b strings.Builder
		for line = line[1:]; ; line = line[1:] {
			at := strings.IndexByte(line, '"')
			if at < 0 {
				return fields, false
			}
			b.WriteString(line[:at])
			if line = line[at+1:]; !strings.HasPrefix(line, `"`) {
				break
			}
			b.WriteByte('"')
		}
		fields = append(fields, strings.TrimSpace(b.String()))
		_, rest, more := strings.Cut(line, string(separator))
		if line = rest; !more {
			return fields, true
		}
	}
}

// parseNumber reads a finite number, also one with a decimal comma where commas do not
// separate columns.
func parseNumber(s string, separator byte) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && separator != ',' && strings.Count(s, ",") == 1 {
		v, err = strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	}
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}
