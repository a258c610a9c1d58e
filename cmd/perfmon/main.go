// Perfmon asks a running service, which package perfmon monitors, how it is, and changes
// how it is watched. It also analyzes series of numbers in CSV files, which needs no
// service.
//
//	go -C cmd/perfmon install .
//	export PERFMON_URL=http://localhost:8080 PERFMON_TOKEN=...
//	perfmon status
//	perfmon watch
//
// Its exit code is 0 when all is fine, 1 for a warning, 2 for something critical, and 3
// where it could not tell, as when it was called wrongly.
package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
	_ "time/tzdata" // --zone works where the system knows no zones

	"github.com/benbjohnson/clock"
	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv, clock: clock.New(), zone: time.Local,
	}
	a.width, a.terminal = look(os.Stdout)
	a.progress = term.IsTerminal(int(os.Stderr.Fd()))
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// look returns how wide the output is, 0 where there is no limit because nobody looks at
// it, and whether it is a terminal.
func look(f *os.File) (width int, terminal bool) {
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns >= 20 {
		width = columns
	}
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return width, false
	}
	if w, _, err := term.GetSize(fd); err == nil && w >= 20 {
		width = w
	}
	if width == 0 {
		width = 80
	}
	return width, true
}
