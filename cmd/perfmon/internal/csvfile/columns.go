package csvfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// findColumns settles which columns have times and values, and drops a first row of
// heads.
func (r *Reader) findColumns() error {
	var rows [][]string
	for _, x := range r.buffered {
		if x.bad == "" {
			rows = append(rows, x.fields)
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("the file has no row that can be read: line %d: %s", r.buffered[0].line, r.buffered[0].bad)
	}
	if r.isHead(rows[0]) {
		r.head, rows = rows[0], rows[1:]
		r.dropHead()
	}
	if err := r.findTime(rows); err != nil {
		return err
	}
	if err := r.findValue(rows); err != nil {
		return err
	}
	r.ValueColumn = r.name(r.value)
	if r.time >= 0 {
		r.TimeColumn = r.name(r.time)
	}
	return nil
}

// isHead reports whether a row has names and nothing that could be a time or a number.
func (r *Reader) isHead(fields []string) bool {
	for _, f := range fields {
		_, number := parseNumber(f, r.separator)
		if _, at := parseText(f, time.UTC); at || number {
			return false
		}
	}
	return true
}

func (r *Reader) dropHead() {
	for i, x := range r.buffered {
		if x.bad == "" {
			r.buffered = append(r.buffered[:i:i], r.buffered[i+1:]...)
			return
		}
	}
}

func (r *Reader) name(column int) string {
	if column < len(r.head) && r.head[column] != "" {
		return r.head[column]
	}
	return strconv.Itoa(column + 1)
}

// named finds a column by its head, else by its number.
func (r *Reader) named(option, name string) (int, error) {
	for i, h := range r.head {
		if h == name {
			return i, nil
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= 10_000 {
		return n - 1, nil
	}
	want := "the number of a column"
	if len(r.head) > 0 {
		want = fmt.Sprintf("one of %.200q, or the number of a column", r.head)
	}
	return 0, fmt.Errorf("%s: %q is not valid: want %s", option, name, want)
}

func (r *Reader) findTime(rows [][]string) (err error) {
	switch {
	case r.o.Time != "" && r.o.Step != 0:
		return fmt.Errorf("step: %v is not valid beside time: want one of them", r.o.Step)
	case r.o.Step < 0:
		return fmt.Errorf("step: %v is not valid: want more than 0", r.o.Step)
	case r.o.Step > 0:
		return nil
	case r.o.Time != "":
		r.time, err = r.named("time", r.o.Time)
		return err
	}
	isText := func(s string) bool { _, ok := parseText(s, time.UTC); return ok }
	if r.time = r.first(rows, isText, nil); r.time >= 0 {
		return nil
	}
	called := func(column int) bool {
		switch strings.ToLower(strings.TrimSpace(r.name(column))) {
		case "time", "timestamp", "@timestamp", "date", "datetime", "ts", "at", "_time":
			return true
		}
		return false
	}
	if r.time = r.first(rows, isUnix, called); r.time >= 0 {
		return nil
	}
	isNumber := func(s string) bool { _, ok := parseNumber(s, r.separator); return ok }
	at := r.first(rows, isUnix, nil)
	if at >= 0 && r.first(rows, isNumber, func(c int) bool { return c != at }) >= 0 {
		r.time = at
		return nil
	}
	return fmt.Errorf("there is no column of times: name it by --time, or say by --step how far the rows are apart")
}

func (r *Reader) findValue(rows [][]string) (err error) {
	if r.o.Value != "" {
		r.value, err = r.named("value", r.o.Value)
		if err == nil && r.value == r.time {
			err = fmt.Errorf("value: %q is the column of times", r.o.Value)
		}
		return err
	}
	isNumber := func(s string) bool { _, ok := parseNumber(s, r.separator); return ok }
	called := func(c int) bool { return c != r.time && strings.EqualFold(r.name(c), "value") }
	if r.value = r.first(rows, isNumber, called); r.value >= 0 {
		return nil
	}
	if r.value = r.first(rows, isNumber, func(c int) bool { return c != r.time }); r.value >= 0 {
		return nil
	}
	return fmt.Errorf("there is no column of numbers: name it by --value")
}

// first returns the first column of which at least half of what is not empty is of a
// sort, -1 where there is none.
func (r *Reader) first(rows [][]string, is func(string) bool, may func(column int) bool) int {
	width := 0
	for _, fields := range rows {
		width = min(max(width, len(fields)), maxColumns)
	}
	for column := range width {
		if may != nil && !may(column) {
			continue
		}
		good, filled := 0, 0
		for _, fields := range rows {
			if column >= len(fields) || fields[column] == "" {
				continue
			}
			filled++
			if is(fields[column]) {
				good++
			}
		}
		if filled > 0 && 2*good >= filled {
			return column
		}
	}
	return -1
}
