package pgxtime_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres is a server of a test's own.
type postgres struct {
	t          testing.TB
	bin, dir   string
	port       int
	credential *syscall.Credential // of the user postgres, where the test runs as root
	server     *exec.Cmd
}

// startPostgres starts a server in a folder of its own. It has to be installed.
func startPostgres(t testing.TB) *postgres {
	t.Helper()
	p := &postgres{t: t, bin: postgresBin(t)}
	var err error
	if p.dir, err = os.MkdirTemp("", "pgxtime"); err != nil { // t.TempDir lies below a folder that only root enters
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(p.dir) })
	if os.Getuid() == 0 { // as which PostgreSQL does not run
		p.become("postgres")
	}
	p.run("initdb", "--pgdata="+p.data(), "--auth=trust", "--username=postgres", "--no-sync", "--no-locale", "--encoding=UTF8")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.port = listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	t.Cleanup(p.stop)
	p.start()
	return p
}

func postgresBin(t testing.TB) string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's, beside each other by version
	if len(found) == 0 {
		t.Fatal("this test needs PostgreSQL: apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1])
}

func (p *postgres) become(name string) {
	p.t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		p.t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	p.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(p.dir, uid, gid); err != nil {
		p.t.Fatal(err)
	}
}

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential, Setpgid: true}
	return cmd
}

func (p *postgres) run(name string, args ...string) {
	p.t.Helper()
	if out, err := p.command(name, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// start starts the server and waits until it answers.
func (p *postgres) start() {
	p.t.Helper()
	p.server = p.command("postgres", "-D", p.data(), "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=20")
	var log strings.Builder
	p.server.Stderr = &log
	if err := p.server.Start(); err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), p.dsn())
		if err == nil {
			_ = conn.Close(context.Background())
			return
		}
		if time.Now().After(deadline) {
			p.stop()
			p.t.Fatalf("PostgreSQL does not answer: %v\n%s", err, log.String())
		}
	}
}

// stop ends the server, its connections and all, at once.
func (p *postgres) stop() {
	if p.server == nil {
		return
	}
	_ = p.server.Process.Signal(syscall.SIGQUIT)
	_ = p.server.Wait()
	p.server = nil
}

func (p *postgres) dsn() string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres database=postgres sslmode=disable connect_timeout=10", p.port)
}
