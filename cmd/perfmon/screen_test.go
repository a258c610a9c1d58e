//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
)

// terminal is a pseudo-terminal with the command at one end and a screen at the other.
type terminal struct {
	t     *testing.T
	keys  *os.File
	emu   *vt.SafeEmulator
	drawn chan struct{} // something was written
	ended chan int      // exit code
}

func watch(t *testing.T, s *shop, width, height int) *terminal {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, keys: keys, emu: vt.NewSafeEmulator(width, height), drawn: make(chan struct{}, 1), ended: make(chan int, 1)}
	if err := pty.Setsize(keys, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(keys, term.emu) }() // what a terminal answers to questions
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := keys.Read(b)
			if err != nil {
				return
			}
			_, _ = term.emu.Write(b[:n])
			select {
			case term.drawn <- struct{}{}:
			default:
			}
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	a := s.app("", nil, nil)
	a.in, a.out, a.err, a.terminal = tty, tty, io.Discard, true
	go func() { term.ended <- a.run(ctx, []string{"watch"}) }()
	t.Cleanup(func() {
		cancel()
		_ = tty.Close()
		_ = keys.Close()
	})
	return term
}

// text is what is on the screen.
func (term *terminal) text() string {
	lines := strings.Split(ansi.Strip(term.emu.Render()), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r")
	}
	return strings.Join(lines, "\n")
}

// await waits until all parts are on the screen.
func (term *terminal) await(parts ...string) string {
	term.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		text, missing := term.text(), ""
		for _, p := range parts {
			if !strings.Contains(text, p) {
				missing = p
			}
		}
		if missing == "" {
			return text
		}
		select {
		case <-term.drawn:
		case code := <-term.ended:
			term.t.Fatalf("it ended with %d before there was %q:\n%s", code, missing, text)
		case <-timeout:
			term.t.Fatalf("there is no %q:\n%s", missing, text)
		}
	}
}

func (term *terminal) press(keys string) {
	term.t.Helper()
	if _, err := term.keys.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// The screen shows the service, follows it, acts on alerts by key, says when the stream
// is gone, comes back, and resizes.
func TestWatch(t *testing.T) {
	s := busy(t)
	term := watch(t, s, 80, 24)
	screen := term.await("live 13:11:00", "error_rate of service is 8 %", "requests_in_flight", "q quit")
	golden.Text(t, "watch.txt", []byte(s.stable(screen)+"\n"))
	for _, line := range strings.Split(screen, "\n") {
		if w := ansi.StringWidth(line); w > 80 {
			t.Errorf("%d columns: %q", w, line)
		}
	}

	s.step(8, 20*time.Millisecond)
	term.await("live 13:11:10")

	term.press("a")
	term.await("Acknowledged.", "acknowledged")
	if got := s.alert().State; got != perfmon.AlertAcknowledged {
		t.Errorf("it is %s", got)
	}
	term.press("d")
	term.await("Dismiss? Press d again.")
	term.press("x")
	term.await("q quit")
	term.press("d")
	term.await("Dismiss? Press d again.")
	if got := s.alert().State; got != perfmon.AlertAcknowledged {
		t.Errorf("after one press it is %s", got)
	}
	term.press("d")
	term.await("Dismissed.", "healthy: No alert is active.")
	if got := s.alert().State; got != perfmon.AlertDismissed {
		t.Errorf("it is %s", got)
	}

	term.press("?")
	term.await("any key goes back")
	term.press("x")
	term.await("requests_in_flight")

	// The stream is cut, and the server is away for a while.
	s.setDown(true)
	s.server.CloseClientConnections()
	term.await("no stream, next try in 3 s, figures 0 s old")
	s.clock.Add(3 * time.Second)
	term.await("no stream, next try in 6 s, figures 3 s old")
	s.setDown(false)
	s.clock.Add(6 * time.Second)
	term.await("live 13:11:19")

	// It takes another size.
	term.emu.Resize(100, 40)
	if err := pty.Setsize(term.keys, &pty.Winsize{Cols: 100, Rows: 40}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	term.await(strings.Repeat(" ", 60) + "live 13:11:19")

	term.press("q")
	select {
	case code := <-term.ended:
		if code != exitFine {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("q does not end it")
	}
}

// What is wrong from the start is said before the screen is taken.
func TestWatchRefused(t *testing.T) {
	s := openShop(t)
	s.env["PERFMON_TOKEN"] = "another-token-0123"
	term := watch(t, s, 80, 24)
	if code := <-term.ended; code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(term.text(), "perfmon") {
		t.Error(term.text())
	}
}
