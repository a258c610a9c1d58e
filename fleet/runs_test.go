package fleet_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

var runs = flag.Int("runs", 10, "how many runs of random faults there are")

// run is a fleet of five under random faults, with one incident.
type run struct {
	t      *testing.T
	rand   *rand.Rand
	server *server
	box    *mailbox // that the notifiers of all replicas send to
	all    []*replica
	from   map[*replica]bool // that were there from the beginning
	served uint64
	at     int
	until  map[string]int   // when a fault is over, by what it is
	paused map[*replica]int // until when it takes no step
	titles []string         // of the events that were acknowledged
	acked  string           // the alert that was acknowledged
	story  []string         // for a run that fails
}

const (
	incidentBegins, incidentEnds  = 12, 26
	faultsEnd, quietFrom, runEnds = 34, 50, 60
	longestFault                  = 4 // steps: a replica that is cut off longer goes on alone
)

// In every run of random faults one incident is one alert, opened once and resolved once,
// nobody is told of either twice, no acknowledged change is lost, and the figures of the
// fleet are those of all requests. go test -run Random -runs 200 makes more of them.
func TestRandomFaults(t *testing.T) {
	for seed := range *runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := &run{t: t, rand: rand.New(rand.NewPCG(uint64(seed), 15)), server: startServer(t), box: &mailbox{}, from: map[*replica]bool{}, until: map[string]int{}, paused: map[*replica]int{}}
			for i := range 5 {
				ahead := time.Duration(r.rand.IntN(600)-300) * time.Second
				name := fmt.Sprint("r", i)
				m := join(t, r.server, name, ahead, r.box.options(name)...)
				r.all, r.from[m] = append(r.all, m), true
			}
			for r.at = range runEnds {
				r.step()
			}
			r.check()
			if t.Failed() {
				for _, line := range r.story {
					t.Log(line)
				}
			}
		})
	}
}

func (r *run) say(format string, args ...any) {
	r.story = append(r.story, fmt.Sprintf("%3d ", r.at)+fmt.Sprintf(format, args...))
}

func (r *run) step() {
	for what, until := range r.until {
		if r.at >= until {
			r.heal(what)
			delete(r.until, what)
		}
	}
	if r.at > 3 && r.at < faultsEnd && len(r.until) == 0 && r.rand.IntN(3) == 0 {
		r.fault()
	}
	failed := 0
	if r.at >= incidentBegins && r.at < incidentEnds {
		failed = 15
	}
	for _, m := range slices.Clone(r.all) {
		if r.at < r.paused[m] {
			continue
		}
		n := 40 + r.rand.IntN(20)
		if r.at >= quietFrom {
			n = 0
		}
		m.serve("/orders", n, min(n, failed), time.Duration(1+r.rand.IntN(50))*time.Millisecond)
		r.served += uint64(n)
		step(m)
	}
	r.act()
}

// fault begins one fault, for a random time.
func (r *run) fault() {
	until := r.at + 1 + r.rand.IntN(longestFault)
	one := r.all[r.rand.IntN(len(r.all))]
	switch r.rand.IntN(7) {
	case 0:
		r.say("%s is parted from the server until %d", one.name, until)
		one.proxy.part()
		r.until["part "+one.name] = until
	case 1:
		r.say("half of the replicas are parted from the server until %d", until)
		for _, m := range r.all[:len(r.all)/2] {
			m.proxy.part()
			r.until["part "+m.name] = until
		}
	case 2:
		r.say("the server is killed until %d", until)
		r.server.kill()
		r.until["server"] = until
	case 3:
		r.say("the server hangs for a step")
		r.server.pause()
		r.until["pause"] = r.at + 1
	case 4:
		r.say("the server is emptied")
		r.server.command("FLUSHALL")
	case 5:
		r.say("%s is paused until %d", one.name, until)
		r.paused[one] = until
	case 6:
		if one.status().Waiting > 0 || len(r.all) < 4 || r.at >= incidentBegins {
			return // what it has not given to the fleet would be lost with it
		}
		// Its latest step may still wait to be counted; it is on the server.
		r.say("%s is killed, and another starts", one.name)
		one.proxy.part() // without a farewell
		one.close()
		r.all = slices.DeleteFunc(r.all, func(m *replica) bool { return m == one })
		name := fmt.Sprint("late", r.at)
		r.all = append(r.all, join(r.t, r.server, name, time.Duration(r.at)*10*time.Second, r.box.options(name)...))
	}
}

func (r *run) heal(what string) {
	switch what {
	case "server":
		r.server.start()
	case "pause":
		r.server.resume()
	default:
		for _, m := range r.all {
			if what == "part "+m.name {
				m.proxy.heal()
			}
		}
	}
	r.say("over: %s", what)
}

// act lets people change something at any replica. What it is told to have been done counts.
func (r *run) act() {
	m := r.all[r.rand.IntN(len(r.all))]
	if r.at < r.paused[m] || r.until["pause"] > 0 || r.at >= quietFrom {
		return
	}
	title := fmt.Sprintf("change %d", r.at)
	if _, err := m.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: title}, "ann"); err == nil {
		r.titles = append(r.titles, title)
	}
	if active, _ := m.Alerts().List(perfmon.AlertQuery{Active: true}); r.acked == "" && len(active) == 1 {
		if _, err := m.Alerts().Acknowledge(active[0].ID, "ann"); err == nil {
			r.acked = active[0].ID
			r.say("%s is acknowledged at %s", r.acked, m.name)
		}
	}
}

func (r *run) check() {
	t := r.t
	for _, m := range r.all {
		if st := m.status(); st.Mode != "joined" || st.Failure != "" {
			t.Errorf("%s is %s: %s", m.name, st.Mode, st.Failure)
			continue
		}
		list := m.alerts()
		if len(list) != 1 || list[0].State != perfmon.AlertResolved {
			t.Errorf("%s: want one alert that is over: %+v", m.name, list)
			continue
		}
		changes := map[perfmon.AlertChange]int{}
		for _, c := range list[0].Changes {
			changes[c.Change]++
		}
		if changes[perfmon.ChangeOpened] != 1 || changes[perfmon.ChangeResolved] != 1 {
			t.Errorf("%s: the alert was opened and resolved more than once: %v", m.name, changes)
		}
		if list[0].ID == r.acked && changes[perfmon.ChangeAcknowledged] != 1 {
			t.Errorf("%s: the acknowledgement is lost: %v", m.name, changes)
		}
		var titles []string
		for _, e := range m.History().Markers(24 * time.Hour) {
			titles = append(titles, e.Title)
		}
		for _, title := range r.titles {
			if !slices.Contains(titles, title) {
				t.Errorf("%s: %q was acknowledged and is lost", m.name, title)
			}
		}
		if told := m.told(); told[perfmon.ChangeOpened] > 1 || told[perfmon.ChangeResolved] > 1 {
			t.Errorf("%s was told twice: %v", m.name, told)
		}
		if !r.from[m] {
			continue
		}
		if totals, err := m.whole().History().Totals(perfmon.Scope{}); err != nil || totals.Requests != r.served {
			t.Errorf("%s counts %d requests of %d; %v", m.name, totals.Requests, r.served, err)
		}
	}
	// A message whose delivery could not be noted comes again with the same ID.
	told, again := r.box.toldByID()
	if told[perfmon.ChangeOpened] != 1 || told[perfmon.ChangeResolved] != 1 {
		t.Errorf("the notifier was told %v, want opened and resolved once each", told)
	}
	if again > 0 {
		t.Logf("%d messages came again with the ID that they had", again)
	}
	if r.acked == "" {
		r.say("nobody could acknowledge anything")
	}
}
