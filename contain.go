package perfmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// The host's own code (collectors, callbacks, stores, loggers, and the Error and String
// methods of what they return) may panic, hang or end its goroutine. It runs in
// goroutines of its own, never under a lock of this package, and nothing waits for it
// without a limit.

// maxErrorText bounds what is kept of an error or a panic of the host's code.
const maxErrorText = 1 << 10

// contain runs f and returns the text of what went wrong in it, "" when nothing did. It
// must run in a goroutine that may end: ended is called when f ends it.
func contain(f func() error, ended func(text string)) (text string, panicked bool) {
	returned := false
	defer func() {
		switch p := recover(); {
		case p != nil:
			text, panicked = "panic: "+describe(p)+"\n"+firstLines(string(debug.Stack()), 16), true
		case !returned:
			ended("it ended its goroutine (runtime.Goexit)")
		}
	}()
	if err := f(); err != nil {
		text = describe(err)
	}
	returned = true
	return truncate(text, maxErrorText), false
}

// describe returns the text of a value of the host's, whose own methods may panic.
func describe(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T, whose text cannot be read", v)
		}
	}()
	if err, ok := v.(error); ok {
		return truncate(err.Error(), maxErrorText)
	}
	return truncate(fmt.Sprint(v), maxErrorText)
}

func firstLines(s string, n int) string {
	for i := range len(s) {
		if s[i] == '\n' {
			if n--; n == 0 {
				return s[:i]
			}
		}
	}
	return s
}

// cleanText makes text safe for one line of a log or a message: control and format
// characters become spaces, and broken encoding U+FFFD.
func cleanText(s string) string {
	clean := func(r rune) bool {
		return r != utf8.RuneError && !unicode.IsControl(r) && !unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || clean(r) {
			return r
		}
		return ' '
	}, s)
}

// hostLog hands messages to the host's logger in a goroutine of its own, which lives
// while there are any: a logger that blocks stops nothing else.
type hostLog struct {
	log *slog.Logger

	mu      sync.Mutex
	queue   []func() // mu
	running bool     // mu
	idle    sync.WaitGroup

	dropped, panics atomic.Uint64
}

// logQueue is how many messages wait for the host's logger; more are dropped and
// counted.
const logQueue = 64

// write logs a message. The arguments must be plain strings and numbers.
func (l *hostLog) write(level slog.Level, message string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == logQueue {
		l.dropped.Add(1)
		return
	}
	l.queue = append(l.queue, func() { l.log.Log(context.Background(), level, "perfmon: "+message, args...) })
	if !l.running {
		l.running = true
		l.idle.Add(1)
		go l.drain()
	}
}

func (l *hostLog) drain() {
	defer l.idle.Done()
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.running = false
			l.mu.Unlock()
			return
		}
		next := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		_, panicked := contain(func() error { next(); return nil }, func(string) {
			l.panics.Add(1)
			l.idle.Add(1)
			go l.drain() // in place of this goroutine, which ends
		})
		if panicked {
			l.panics.Add(1)
		}
	}
}

// leaving is code of the host that Close waits for.
type leaving struct {
	what    string
	running *sync.WaitGroup
}

// waitFor waits until all have returned, for closeGrace at most, and names those that
// have not. The grace protects the host, so it goes by real time whatever the clock is.
func waitFor(all []leaving) error {
	returned := make([]chan struct{}, len(all))
	for i, l := range all {
		returned[i] = make(chan struct{})
		go func() { l.running.Wait(); close(returned[i]) }()
	}
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	var errs []error
	over := false
	for i, l := range all {
		if !over {
			select {
			case <-returned[i]:
				continue
			case <-grace.C:
				over = true
			}
		}
		select {
		case <-returned[i]:
		default:
			errs = append(errs, fmt.Errorf("perfmon: close: %s has not returned after %v", l.what, closeGrace))
		}
	}
	return errors.Join(errs...)
}

// moment is now, by both of the monitor's clocks.
type moment struct {
	wall    time.Time     // the date, in UTC
	elapsed time.Duration // since the monitor was made; it never goes back
}

// stopwatch measures elapsed time, whatever is done to the clock on the wall.
type stopwatch struct {
	read func() time.Time

	mu      sync.Mutex
	last    time.Time     // mu
	elapsed time.Duration // mu
}

func (s *stopwatch) now() moment {
	t := s.read()
	s.mu.Lock()
	defer s.mu.Unlock()
	// Sub goes by the monotonic reading where the clock has one.
	if d := t.Sub(s.last); d > 0 {
		s.elapsed += d
	}
	s.last = t
	return moment{t.Round(0).UTC(), s.elapsed}
}
