package boltstore_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
	"github.com/backend-prs/perfmon/sketch"
)

var kills = flag.Int("kills", 200, "how often TestKill kills its child")

// childMode is the environment variable that makes the test binary a child.
const childMode = "PERFMON_BOLTSTORE_CHILD"

func TestMain(m *testing.M) {
	switch mode := os.Getenv(childMode); mode {
	case "":
		os.Exit(m.Run())
	case "crash":
		fail(crashChild(os.Args[1]))
	case "notify":
		fail(notifyChild(os.Args[1]))
	case "roll":
		fail(rollChild(os.Args[1]))
	default:
		fail(fmt.Errorf("there is no child %q", mode))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// told prints what was acknowledged. A line is one write to a pipe, and so is whole or not there.
func told(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }

// telling is a store that says what it has acknowledged.
type telling struct{ *boltstore.Store }

func (s telling) AddPoint(ctx context.Context, p perfmon.Point) error {
	err := s.Store.AddPoint(ctx, p)
	if err == nil {
		told("point %d %d", p.Time.UnixMilli(), len(p.Scopes))
	}
	return err
}

// crashOptions are those of the child, and of the monitor that looks at what it left.
func crashOptions(s perfmon.Store) []perfmon.Option {
	return []perfmon.Option{
		perfmon.WithoutSystemMetrics(), perfmon.WithStore(s), perfmon.WithStep(perfmon.MinStep), perfmon.WithInterval(perfmon.MinStep), perfmon.WithAlertCooldown(0),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "wave"}, func() float64 { return float64(time.Now().UnixMilli() / 350 % 2) }),
		perfmon.WithThreshold(perfmon.Threshold{Metric: "wave", Warning: perfmon.ValueOf(0.5), ConsecutiveViolations: 1}),
	}
}

// ascending returns a number that is higher than all before it, in this process and in those
// before it.
func ascending() float64 { return float64(time.Now().UnixMicro()) / 1e15 }

// crashChild is a monitored service under load. Everything that a caller or a callback has
// got from the monitor is on its standard output.
func crashChild(path string) error {
	m, err := perfmon.New(crashOptions(telling{boltstore.At(path)})...)
	if err != nil {
		return err
	}
	m.OnAlert(func(e perfmon.AlertEvent) { told("alert %s %d %s", e.Alert.ID, e.Alert.Record, e.Alert.State) })
	if err := m.Start(context.Background()); err != nil {
		return err
	}
	told("started")
	for range 3 {
		go func() {
			r := m.NewRecorder()
			for i := 0; ; i++ {
				r.Record(time.Duration(i%1000)*time.Microsecond, &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", i%20), Status: 200 + 300*(i%2)})
				time.Sleep(50 * time.Microsecond)
			}
		}()
	}
	for {
		if err := crashAct(m, rand.IntN(6)); err != nil {
			return err
		}
	}
}

// crashAct does something and says what it was told.
func crashAct(m *perfmon.Monitor, what int) error {
	alert := func(a perfmon.Alert, err error) error {
		if errors.Is(err, perfmon.ErrNotActive) {
			return nil // a threshold's, which was resolved meanwhile
		}
		if err == nil {
			told("alert %s %d %s", a.ID, a.Record, a.State)
		}
		return err
	}
	switch what {
	case 0:
		return alert(m.Alerts().Raise(perfmon.HostAlert{Metric: fmt.Sprint("own", rand.IntN(30)), Severity: perfmon.Warning, Message: strings.Repeat("m", 1+rand.IntN(900))}))
	case 1, 2:
		list, _ := m.Alerts().List(perfmon.AlertQuery{Active: true})
		if len(list) == 0 || list[0].Metric == "wave" {
			return nil
		}
		act := []func(string, string) (perfmon.Alert, error){m.Alerts().Acknowledge, m.Alerts().Resolve}[what-1]
		return alert(act(list[rand.IntN(len(list))].ID, "ann"))
	case 3:
		t, err := m.Thresholds().Set(perfmon.Threshold{Metric: perfmon.QueueSize, Warning: perfmon.ValueOf(ascending())}, "ann")
		if err == nil {
			told("threshold %v", t.Warning.Float())
		}
		return err
	case 4:
		s, err := m.Config().Update(perfmon.SettingsUpdate{Sensitivities: map[string]float64{"wave": ascending()}}, "ann")
		if err == nil {
			told("setting %v", s.Sensitivities["wave"])
		}
		return err
	}
	e, err := m.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: "t"}, "ann")
	if err == nil {
		told("marker %s", e.ID)
	}
	return err
}

// Whenever the process is killed, what it had told anybody is there afterwards.
func TestKill(t *testing.T) {
	var path string
	var seen *witness
	lines := 0
	for i := range *kills {
		if i%killsPerFile == 0 {
			path = filepath.Join(t.TempDir(), "perfmon.db")
			seen = &witness{alerts: map[string]ackedAlert{}, markers: map[string]bool{}}
		}
		before := seen.lines
		runAndKill(t, "crash", path, time.Duration(rand.IntN(250))*time.Millisecond, seen.note)
		seen.verify(t, path)
		if t.Failed() {
			t.Fatalf("after %d kills", i+1)
		}
		lines += seen.lines - before
		if testing.Verbose() && i%100 == 99 {
			t.Logf("%d kills, %d acknowledged writes", i+1, lines)
		}
	}
	if lines < 5**kills {
		t.Errorf("only %d writes were acknowledged in %d kills: the child was not under load", lines, *kills)
	}
	t.Logf("%d kills, %d acknowledged writes", *kills, lines)
}

// killsPerFile is how many kills a file has to survive. All that it has is looked at after
// each, so many more would take long.
const killsPerFile = 100

// runAndKill starts a child, has what it says noted, and kills it so long after it began to
// work.
func runAndKill(t *testing.T, mode, path string, after time.Duration, note func(*testing.T, string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childMode+"="+mode)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if first, err := lines.ReadString('\n'); err != nil {
		t.Errorf("the child did not start: %q, %v", first, err)
	} else {
		note(t, first)
	}
	killer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // SIGKILL
	defer killer.Stop()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if err != io.EOF || line != "" {
				t.Errorf("%q, %v", line, err)
			}
			break
		}
		note(t, line)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Errorf("the child ended by itself: %v", err)
	}
}

// witness remembers what the children said.
type witness struct {
	lines     int
	alerts    map[string]ackedAlert
	markers   map[string]bool
	threshold float64
	setting   float64
	points    []int64 // Unix milliseconds
}

type ackedAlert struct {
	record uint64
	state  perfmon.AlertState
}

func (w *witness) note(t *testing.T, line string) {
	t.Helper()
	f := strings.Fields(line)
	switch {
	case len(f) == 4 && f[0] == "alert":
		a := ackedAlert{uint64(number(t, f[2])), perfmon.AlertState(f[3])}
		if a.record >= w.alerts[f[1]].record {
			w.alerts[f[1]] = a
		}
	case len(f) == 2 && f[0] == "threshold":
		w.threshold = number(t, f[1])
	case len(f) == 2 && f[0] == "setting":
		w.setting = number(t, f[1])
	case len(f) == 2 && f[0] == "marker":
		w.markers[f[1]] = true
	case len(f) == 3 && f[0] == "point":
		w.points = append(w.points, int64(number(t, f[1])))
	case len(f) == 1 && f[0] == "started":
		return
	default:
		t.Errorf("the child says %q", line)
	}
	w.lines++
}

// verify holds what is in the file against what the children said.
func (w *witness) verify(t *testing.T, path string) {
	t.Helper()
	s := boltstore.At(path)
	held := map[int64]bool{}
	last := int64(0)
	records := map[string]perfmon.Record{} // by identity; a monitor forgets those past its limits
	if err := s.Load(t.Context(), func(r perfmon.Record) error { records[r.Identity()] = r; return nil }, func(p perfmon.Point) error {
		w.verifyPoint(t, p)
		if p.Time.UnixMilli() <= last {
			t.Errorf("the point of %v comes after one of %v", p.Time, time.UnixMilli(last))
		}
		last = p.Time.UnixMilli()
		held[last] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if notes := s.Notes(); len(notes) > 0 {
		t.Errorf("the file was damaged: %q", notes)
	}
	closed(t, s)
	for _, ms := range w.points {
		if !held[ms] {
			t.Errorf("the point of %v is missing", time.UnixMilli(ms).UTC())
		}
	}
	m, err := perfmon.New(crashOptions(boltstore.At(path))...)
	if err != nil {
		t.Fatal(err)
	}
	w.verifyAlerts(t, records)
	noneDouble(t, m)
	for _, th := range m.Thresholds().All() {
		if th.Metric == perfmon.QueueSize && th.Warning.Float() < w.threshold {
			t.Errorf("the threshold is %v, and %v was acknowledged", th.Warning, w.threshold)
		}
	}
	if v := m.Config().Settings().Sensitivities["wave"]; v < w.setting {
		t.Errorf("the setting is %v, and %v was acknowledged", v, w.setting)
	}
	for id := range w.markers {
		if records["marker "+id].Marker == nil {
			t.Errorf("the marker %s is missing", id)
		}
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// verifyAlerts looks for alerts that are missing, or older than what was told.
func (w *witness) verifyAlerts(t *testing.T, records map[string]perfmon.Record) {
	t.Helper()
	for id, acked := range w.alerts {
		r := records["alert "+id]
		switch {
		case r.Alert == nil:
			t.Errorf("the alert %s is missing", id)
		case r.Number < acked.record, r.Number == acked.record && r.Alert.Alert.State != acked.state:
			t.Errorf("the alert %s is %s by record %d; %s by record %d was acknowledged", id, r.Alert.Alert.State, r.Number, acked.state, acked.record)
		}
	}
}

// noneDouble looks for keys that have two alerts that are not over.
func noneDouble(t *testing.T, m *perfmon.Monitor) {
	t.Helper()
	list, _ := m.Alerts().List(perfmon.AlertQuery{})
	ids, active := map[string]bool{}, map[perfmon.Key]string{}
	for _, a := range list {
		if ids[a.ID] {
			t.Errorf("the alert %s is there twice", a.ID)
		}
		ids[a.ID] = true
		if a.State == perfmon.AlertResolved {
			continue
		}
		if other := active[a.Key()]; other != "" {
			t.Errorf("%v has two alerts, %s and %s", a.Key(), other, a.ID)
		}
		active[a.Key()] = a.ID
	}
}

// verifyPoint looks for a point that is torn: of each scope, the response times are as many
// as the requests.
func (w *witness) verifyPoint(t *testing.T, p perfmon.Point) {
	t.Helper()
	for _, s := range p.Scopes {
		var times sketch.Sketch
		if err := times.UnmarshalBinary(s.Times); err != nil || times.Count() != s.Requests {
			t.Errorf("the point of %v is torn: %v has %d response times, %v", p.Time, s, times.Count(), err)
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
