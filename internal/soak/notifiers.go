package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/backend-prs/perfmon"
)

// noise is the metric of alerts that a silence holds back all the time.
const noise = "noise"

// notifier hears of alerts as a channel does. It does what is wrong where wrong is set.
type notifier struct {
	wrong func() error

	mu    sync.Mutex
	last  map[string]perfmon.AlertState // of incidents, by ID, as told last; mu
	noise int                           // alerts that were silenced and told all the same; mu
}

func (n *notifier) Notify(_ context.Context, what perfmon.Notification) error {
	if n.wrong != nil {
		if err := n.wrong(); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range what.Alerts {
		switch a := &what.Alerts[i].Alert; a.Metric {
		case pressure.Name:
			n.last[a.ID] = a.State
		case noise:
			n.noise++
		}
	}
	return nil
}

// told returns how many incidents were told as over, and how many silenced alerts were told.
func (n *notifier) told(waits map[string]bool) (over, waiting, silenced int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, state := range n.last {
		if state == perfmon.AlertResolved {
			over++
			delete(waits, id)
		}
	}
	return over, len(waits), n.noise
}

// addNotifiers returns the options that add a notifier that works, and one with faults.
func (s *service) addNotifiers() []perfmon.Option {
	s.good = &notifier{last: map[string]perfmon.AlertState{}}
	s.faulty = &notifier{last: map[string]perfmon.AlertState{}, wrong: func() error { return s.wrong.do(wrong(s.wrong.notifiers.Load()), 2*step) }}
	return []perfmon.Option{
		perfmon.WithNotifier("good", s.good), perfmon.WithNotifier("faulty", s.faulty),
		perfmon.WithNotificationGrouping(0), perfmon.WithNotificationDeadline(time.Second),
	}
}

// silence holds back alerts about noise for as long as a soak may last.
func (s *service) silence() error {
	_, err := s.m.Silences().Add(perfmon.NewSilence{Metric: noise, Until: s.m.Now().Add(48 * time.Hour), Reason: "The soak's own noise."}, "soak")
	return err
}

// makeNoise raises an alert that is silenced, and adds and ends silences of other metrics: no
// more than people do, as each waits for a store that may be slow.
func makeNoise(_ context.Context, s *service, r *rand.Rand) {
	if a, err := s.m.Alerts().Raise(perfmon.HostAlert{Metric: noise, Severity: perfmon.Warning, Message: "noise", Scope: perfmon.Scope{Endpoint: fmt.Sprint(r.IntN(10))}}); err == nil {
		_, _ = s.m.Alerts().Resolve(a.ID, "soak")
	}
	for range 2 {
		until := s.m.Now().Add(time.Duration(1+r.IntN(120)) * time.Second)
		_, _ = s.m.Silences().Add(perfmon.NewSilence{Metric: fmt.Sprintf("custom_%d*", r.Uint32()), Until: until, Reason: "of one of many"}, "soak")
	}
	if list := s.m.Silences().List(); len(list) > 0 {
		if silence := list[r.IntN(len(list))]; silence.Metric != noise {
			_, _ = s.m.Silences().End(silence.ID, "soak")
		}
	}
}

// lookAtNotifiers notes what the notifiers were told.
func (r *result) lookAtNotifiers(s *service) {
	r.toldGood, _, r.noiseTold = s.good.told(s.store.outbox("good"))
	over, waiting, silenced := s.faulty.told(s.store.outbox("faulty"))
	r.toldFaulty, r.waitFaulty = over, waiting
	r.noiseTold += silenced
	for _, silence := range s.m.Silences().List() {
		if silence.Metric == noise {
			r.heldBack += silence.HeldBack
		}
	}
	for _, n := range s.m.Notifications().List() {
		if n.Name == "faulty" {
			r.notifierFaults, r.dead = n.Failed, n.Dead
		}
	}
}

// outbox returns the incidents of which a notifier has still to tell, by ID.
func (s *store) outbox(notifier string) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := map[string]bool{}
	note := func(id string) {
		for _, r := range s.records {
			if r.Alert != nil && r.Alert.Alert != nil && r.Alert.Alert.ID == id && r.Alert.Alert.Metric == pressure.Name {
				waits[id] = true
			}
		}
	}
	for _, r := range s.records {
		if r.Outbox == nil || r.Outbox.Notifier != notifier {
			continue
		}
		for _, alert := range s.records {
			if alert.Alert != nil && alert.Number > r.Outbox.Cursor {
				note(alert.Alert.Alert.ID) // it is in no outbox yet: it follows from its own record
			}
		}
		for _, a := range r.Outbox.Alerts {
			if !a.Since.IsZero() {
				note(a.ID)
			}
		}
		if r.Outbox.Sending != nil {
			for _, id := range r.Outbox.Sending.Alerts {
				note(id)
			}
		}
	}
	return waits
}
