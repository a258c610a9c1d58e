package notifytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// alertmanager is a real one, which tells a webhook further.
type alertmanager struct {
	url   string
	told  chan toldAlert // what it tells, an alert at a time
	out   bytes.Buffer
	ended chan struct{}
}

// toldAlert is an alert as Alertmanager tells it, or lists it.
type toldAlert struct {
	Status       json.RawMessage // "firing" or "resolved" where it is told, an object where it is listed
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time
	GeneratorURL string
	Fingerprint  string
}

func (a toldAlert) String() string {
	return fmt.Sprintf("%s of %s is %s", a.Labels["severity"], a.Labels["alertname"], a.Status)
}

// A resolve_timeout of a second would end each alert that does not say itself when it ends.
const config = `
global:
  resolve_timeout: 1s
route:
  receiver: hook
  group_by: ['...']
  group_wait: 1ms
  group_interval: 50ms
  repeat_interval: 4h
receivers:
- name: hook
  webhook_configs:
  - url: URL
inhibit_rules:
- source_matchers: [alertname="outage"]
  target_matchers: [severity="warning"]
  equal: [service]
`

// start starts one. Without the program the test fails, and says what to install.
func start(t *testing.T) *alertmanager {
	t.Helper()
	path, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Fatal("prometheus-alertmanager is missing: install Debian's package of that name, or run ./test as root")
	}
	a := &alertmanager{told: make(chan toldAlert, 10_000), ended: make(chan struct{})}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var got struct{ Alerts []toldAlert }
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		for _, alert := range got.Alerts {
			a.told <- alert
		}
	}))
	t.Cleanup(hook.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), l.Addr().String()
	if err := l.Close(); err != nil { // it takes the port
		t.Fatal(err)
	}
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(config, "URL", hook.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr, "--cluster.listen-address=", "--log.level=warn")
	cmd.Stdout, cmd.Stderr = &a.out, &a.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(a.ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-a.ended
		if t.Failed() {
			t.Logf("Alertmanager says:\n%s", a.out.String())
		}
	})
	a.url = "http://" + addr
	a.until(t, "it is ready", func() bool {
		resp, err := http.Get(a.url + "/-/ready")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	})
	return a
}

// until asks again and again: what another process does has no clock to step.
func (a *alertmanager) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-ticker.C:
		case <-a.ended:
			t.Fatalf("Alertmanager ended:\n%s", a.out.String())
		case <-deadline:
			t.Fatalf("a minute later it is not so that %s", what)
		}
	}
}

// list returns its alerts that are not over.
func (a *alertmanager) list(t *testing.T) (alerts []toldAlert) {
	t.Helper()
	resp, err := http.Get(a.url + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&alerts); err != nil {
		t.Fatal(err)
	}
	return alerts
}

// hears waits until it tells of an alert, and passes over others.
func (a *alertmanager) hears(t *testing.T, want string) toldAlert {
	t.Helper()
	deadline := time.After(time.Minute)
	var others []string
	for {
		select {
		case got := <-a.told:
			if got.String() == want {
				return got
			}
			others = append(others, got.String())
		case <-deadline:
			t.Fatalf("a minute later it has not told that %q, but %q", want, others)
		}
	}
}

// silence silences what has a label.
func (a *alertmanager) silence(t *testing.T, name, value string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"matchers": []map[string]any{{"name": name, "value": value, "isRegex": false}}, "startsAt": time.Now(), "endsAt": time.Now().Add(time.Hour),
		"createdBy": "ann", "comment": "maintenance",
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(a.url+"/api/v2/silences", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if said, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, said)
	}
}
