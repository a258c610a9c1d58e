package fleet_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
)

// When Sentinel makes another server the primary, the fleet goes on there, and loses nothing.
func TestSentinelFailover(t *testing.T) {
	primary := startServer(t)
	second := startServer(t, "--replicaof", "127.0.0.1", primary.port)
	sentinel := startSentinel(t, primary)
	for !strings.Contains(second.command("INFO", "replication").(string), "master_link_status:up") {
		time.Sleep(10 * time.Millisecond)
	}
	by := func() redis.UniversalClient {
		return clientOf(redis.UniversalOptions{MasterName: "shop", Addrs: []string{sentinel.addr()}})
	}
	all := []*replica{joinBy(t, by(), "a", 0), joinBy(t, by(), "b", 0), joinBy(t, by(), "c", 0)}
	served := uint64(0)
	load := func(failed int) {
		serveAll(failed, all...)
		served += 300
	}
	for range 3 {
		load(0)
	}
	for range 5 {
		load(bad)
	}
	if n := len(all[0].alerts()); n != 1 {
		t.Fatalf("%d alerts, want 1", n)
	}
	primary.kill()
	load(bad)
	deadline := time.Now().Add(60 * time.Second)
	for strings.Contains(second.command("INFO", "replication").(string), "role:slave") {
		if time.Now().After(deadline) {
			t.Fatal("Sentinel has not made the second server the primary")
		}
		time.Sleep(50 * time.Millisecond) // real processes
	}
	ready := func() bool {
		for _, r := range all {
			if st := r.status(); st.Failure != "" || st.Mode != "joined" {
				return false
			}
		}
		return true
	}
	for i := 0; i < 100 && !ready(); i++ {
		load(bad)
		time.Sleep(20 * time.Millisecond)
	}
	for range 12 {
		load(0)
	}
	for range 4 {
		step(all...)
	}
	for _, r := range all {
		if st := r.status(); st.Mode != "joined" || st.Failure != "" {
			t.Errorf("%s is not part of the fleet again: %+v", r.name, st)
			continue
		}
		if totals, err := r.whole().History().Totals(perfmon.Scope{}); err != nil || totals.Requests != served {
			t.Errorf("%s counts %d requests, want %d; %v", r.name, totals.Requests, served, err)
		}
		if active, _ := r.Alerts().List(perfmon.AlertQuery{Active: true}); len(active) != 0 {
			t.Errorf("%s: alerts that are not over: %+v", r.name, active)
		}
	}
}

// startSentinel starts a Sentinel that watches a server, and decides alone.
func startSentinel(t *testing.T, primary *server) *server {
	t.Helper()
	free := startServer(t) // for its port
	free.kill()
	s := &server{t: t, port: free.port, dir: t.TempDir()}
	conf := filepath.Join(s.dir, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor shop 127.0.0.1 %s 1\nsentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 3000\n", s.port, s.dir, primary.port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command("redis-server", conf, "--sentinel")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	c := redis.NewClient(&redis.Options{Addr: s.addr()})
	defer c.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		info, _ := c.Info(context.Background(), "sentinel").Result()
		if strings.Contains(info, "status=ok,address=127.0.0.1:"+primary.port+",slaves=1") {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("Sentinel does not know both servers:\n%s", info)
		}
	}
}
