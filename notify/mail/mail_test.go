package mail_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify/mail"
)

const password = "s3cret-password"

// server is an SMTP server that keeps what it gets.
type server struct {
	port int
	tls  *tls.Config // for clients
	fail func(command string) error

	mu    sync.Mutex
	mails []received
}

type received struct {
	From string
	To   []string
	User string
	TLS  bool
	Data []byte
}

// session is a connection to the server.
type session struct {
	s    *server
	conn *smtp.Conn
	got  received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if pass != password {
			return smtp.ErrAuthFailed
		}
		s.got.User = user
		return s.s.failure("AUTH")
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.got.From = from
	return s.s.failure("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.s.failure("RCPT " + to); err != nil {
		return err
	}
	if err := s.s.failure("RCPT"); err != nil {
		return err
	}
	s.got.To = append(s.got.To, to)
	return nil
}

func (s *session) Data(r io.Reader) (err error) {
	if s.got.Data, err = io.ReadAll(r); err != nil {
		return err
	}
	if err := s.s.failure("DATA"); err != nil {
		return err
	}
	_, s.got.TLS = s.conn.TLSConnectionState()
	s.s.mu.Lock()
	s.s.mails = append(s.s.mails, s.got)
	s.s.mu.Unlock()
	return nil
}

func (s *session) Reset() { s.got.To = nil }

func (s *session) Logout() error { return nil }

func (s *server) failure(command string) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(command)
}

// certificate is one of 127.0.0.1 that nobody has signed.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, pool
}

// serve starts a server. fail may be nil.
func serve(t *testing.T, security mail.Security, fail func(command string) error) *server {
	t.Helper()
	cert, pool := certificate(t)
	s := &server{tls: &tls.Config{RootCAs: pool}, fail: fail}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }))
	srv.Domain, srv.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	switch security {
	case mail.STARTTLS:
		srv.TLSConfig = config
	case mail.TLS:
		l = tls.NewListener(l, config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return s
}

func (s *server) all() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

func (s *server) options() mail.Options {
	return mail.Options{
		Host: "127.0.0.1", Port: s.port, TLS: s.tls, User: "perfmon", Password: password, Hello: "shop.example",
		From: "perfmon <perfmon@shop.example>", To: []string{"ann@shop.example", "Bob <bob@shop.example>"},
	}
}

func send(t *testing.T, o mail.Options, n perfmon.Notification) error {
	t.Helper()
	m, err := mail.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m.Notify(t.Context(), n)
}

var now = time.Date(2026, 11, 25, 20, 31, 0, 0, time.UTC)

func opened() perfmon.Notification {
	a := perfmon.Alert{
		ID: "01K1", Metric: "response_time_p95", Scope: perfmon.Scope{Endpoint: "GET /orders/{id}"}, Unit: "s", Severity: perfmon.Critical, State: perfmon.AlertOpen,
		Value: perfmon.ValueOf(6.1), Threshold: perfmon.ValueOf(5), Message: "response_time_p95 is 6.1 s — past the limit", OpenedAt: now.Add(-12 * time.Minute),
	}
	notice := perfmon.AlertNotice{DedupKey: "shop/01K1", Runbook: "https://wiki.example/slow?a=1&b=2"}
	notice.Alert, notice.Change, notice.At, notice.By = a, perfmon.ChangeOpened, a.OpenedAt, perfmon.ByMonitor
	notice.Worst = []perfmon.RequestStats{{Scope: a.Scope, Requests: 1200, P95: perfmon.ValueOf(7.3), ErrorRate: perfmon.ValueOf(0.25)}}
	return perfmon.Notification{
		ID: "01KABC", Kind: perfmon.NotifyAlerts, Time: now, Service: perfmon.Service{Name: "shop"}, Title: "Critical: response_time_p95 of GET /orders/{id} – now",
		Alerts: []perfmon.AlertNotice{notice}, Link: "https://perf.example/",
		Charts: []perfmon.Image{{Name: "../p95.png", Alt: "p95, the last hour", ContentType: "image/png", Data: []byte("\x89PNG\r\n\x1a\n and more")}},
	}
}

// parts are the parts of a mail by content type, decoded.
func parts(t *testing.T, m received) (netmail.Header, map[string][]byte) {
	t.Helper()
	msg, err := netmail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	read(t, msg.Header.Get("Content-Type"), msg.Body, out)
	return msg.Header, out
}

func read(t *testing.T, contentType string, body io.Reader, out map[string][]byte) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		inner, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if strings.HasPrefix(inner, "multipart/") {
			read(t, p.Header.Get("Content-Type"), p, out)
			continue
		}
		data, err := io.ReadAll(p)
		if p.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			data, err = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(data)))
		}
		if err != nil {
			t.Fatal(err)
		}
		out[inner] = data
		out[inner+" id"] = []byte(p.Header.Get("Content-ID"))
		out[inner+" disposition"] = []byte(p.Header.Get("Content-Disposition"))
	}
}

// A mail says what there is to say, as text and as HTML, with its chart, by a connection that
// is protected from the start or becomes so.
func TestMail(t *testing.T) {
	for security, name := range map[mail.Security]string{mail.STARTTLS: "STARTTLS", mail.TLS: "TLS", mail.None: "none"} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, security, nil)
			o := s.options()
			if o.Security = security; security == mail.None {
				o.User, o.Password = "", ""
			}
			if err := send(t, o, opened()); err != nil {
				t.Fatal(err)
			}
			got := s.all()[0]
			got.Data = nil
			want := received{From: "perfmon@shop.example", To: []string{"ann@shop.example", "bob@shop.example"}, User: o.User, TLS: security != mail.None}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			header, part := parts(t, s.all()[0])
			subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
			if err != nil || subject != opened().Title {
				t.Errorf("the subject is %q", subject)
			}
			for _, want := range []string{"Value: 6.1 s, limit 5 s", "past the limit", "GET /orders/{id}: p95 7.3 s", "Runbook: https://wiki.example/slow?a=1&b=2"} {
				if !strings.Contains(string(part["text/plain"]), want) {
					t.Errorf("the text does not say %q:\n%s", want, part["text/plain"])
				}
			}
			for _, want := range []string{"<td style=\"padding:2px 0;overflow-wrap:anywhere\">6.1 s, limit 5 s</td>", `href="https://wiki.example/slow?a=1&amp;b=2"`, `src="cid:chart-1@perfmon" alt="p95, the last hour"`} {
				if !strings.Contains(string(part["text/html"]), want) {
					t.Errorf("the page does not say %q:\n%s", want, part["text/html"])
				}
			}
			if string(part["image/png id"]) != "<chart-1@perfmon>" || !strings.Contains(string(part["image/png disposition"]), `"p95.png"`) {
				t.Errorf("the chart is %s, %s", part["image/png id"], part["image/png disposition"])
			}
			if header.Get("Auto-Submitted") != "auto-generated" || header.Get("Importance") != "high" {
				t.Errorf("the header is %v", header)
			}
		})
	}
}

// The mails of an alert are a thread; one that is sent twice is one.
func TestThreads(t *testing.T) {
	s := serve(t, mail.STARTTLS, nil)
	first, second, other := opened(), opened(), opened()
	second.ID, second.Alerts[0].Change, second.Alerts[0].Alert.State = "01KABD", perfmon.ChangeResolved, perfmon.AlertResolved
	other.ID, other.Alerts[0].DedupKey = "01KABE", "shop/01K2"
	for _, n := range []perfmon.Notification{first, first, second, other} {
		if err := send(t, s.options(), n); err != nil {
			t.Fatal(err)
		}
	}
	var id, thread, reply []string
	for _, m := range s.all() {
		h, _ := parts(t, m)
		id, thread, reply = append(id, h.Get("Message-ID")), append(thread, h.Get("References")), append(reply, h.Get("In-Reply-To"))
	}
	if id[0] != id[1] || id[0] == id[2] || id[2] == id[3] || !strings.HasSuffix(id[0], "@shop.example>") {
		t.Errorf("the IDs are %q", id)
	}
	if thread[0] == "" || thread[0] != thread[2] || thread[0] == thread[3] || reply[0] != thread[0] {
		t.Errorf("the threads are %q, in reply to %q", thread, reply)
	}
}

// No text adds a header, a part or markup.
func TestHostileTexts(t *testing.T) {
	const text = "x\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>\u202e\x00 =?utf-8?q?=0d=0aX-A:_b?="
	s := serve(t, mail.STARTTLS, nil)
	n := opened()
	n.Title, n.ID, n.Service.Name, n.Charts[0].Name, n.Charts[0].Alt = text, text, text, text, text+`" onerror="x`
	n.Alerts[0].Alert.Message, n.Alerts[0].Alert.Endpoint, n.Alerts[0].DedupKey, n.Alerts[0].Link = text, text, text, "javascript:alert(1)"
	if err := send(t, s.options(), n); err != nil {
		t.Fatal(err)
	}
	m := s.all()[0]
	if len(m.To) != 2 {
		t.Errorf("it goes to %v", m.To)
	}
	header, part := parts(t, m)
	for name := range header {
		if strings.HasPrefix(name, "Bcc") || name == "X-A" {
			t.Errorf("the header has %s", name)
		}
	}
	for _, bad := range []string{"<script", "javascript:", `" onerror`} {
		if strings.Contains(string(part["text/html"]), bad) {
			t.Errorf("the page has %s:\n%s", bad, part["text/html"])
		}
	}
	for _, l := range bytes.Split(m.Data, []byte("\r\n")) {
		if len(l) > 998 { // RFC 5322, section 2.1.1
			t.Errorf("a line of %d bytes: %.80s", len(l), l)
		}
	}
}

// What the server refuses for good is not tried again; the rest is.
func TestFailures(t *testing.T) {
	answer := func(at string, code int) func(string) error {
		return func(command string) error {
			if command != at {
				return nil
			}
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "because " + password}
		}
	}
	for name, c := range map[string]struct {
		fail          func(string) error
		change        func(*mail.Options)
		undeliverable bool
		says          string
	}{
		"a recipient that does not exist": {fail: answer("RCPT", 550), undeliverable: true, says: "550"},
		"a sender that may not":           {fail: answer("MAIL", 553), undeliverable: true, says: "553"},
		"a mail that is too large":        {fail: answer("DATA", 552), undeliverable: true, says: "552"},
		"greylisting":                     {fail: answer("RCPT", 451), says: "451"},
		"a full disk":                     {fail: answer("DATA", 452), says: "452"},
		"a wrong password":                {change: func(o *mail.Options) { o.Password = "wrong-password" }, says: "535"},
		"a certificate of nobody":         {change: func(o *mail.Options) { o.TLS = nil }, says: "certificate"},
		"no TLS where it must be":         {change: func(o *mail.Options) { o.Port = serve(t, mail.None, nil).port }, says: "STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, mail.STARTTLS, c.fail)
			o := s.options()
			if c.change != nil {
				c.change(&o)
			}
			err := send(t, o, opened())
			if err == nil {
				t.Fatal("it says that it was delivered")
			}
			if _, ok := errors.AsType[*perfmon.UndeliverableError](err); ok != c.undeliverable {
				t.Errorf("undeliverable: %t, want %t: %v", ok, c.undeliverable, err)
			}
			if text := err.Error(); !strings.Contains(text, c.says) || strings.Contains(text, password) || strings.Contains(text, "wrong-password") {
				t.Errorf("%q, want %q in it, and no password", text, c.says)
			}
			if len(s.all()) > 0 {
				t.Error("it was delivered")
			}
		})
	}
}

// A server that says nothing is given up on when the context ends.
func TestHang(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	closed := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(closed)
		c, err := l.Accept()
		if err != nil {
			return
		}
		cancel()                      // while it waits for the greeting
		_, _ = io.Copy(io.Discard, c) // until the client goes
		_ = c.Close()
	}()
	m, err := mail.New(mail.Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "a@b.example", To: []string{"c@d.example"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Notify(ctx, opened()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	<-closed
}

func TestOptionsThatAreRefused(t *testing.T) {
	good := mail.Options{Host: "smtp.example.org", From: "a@b.example", To: []string{"c@d.example"}}
	if n, err := mail.New(good); err != nil || fmt.Sprintf("%+v", n) != "mail by smtp.example.org" {
		t.Fatalf("%v, %v", n, err)
	}
	for field, change := range map[string]func(*mail.Options){
		"Host": func(o *mail.Options) { o.Host = "" }, "Port": func(o *mail.Options) { o.Port = 70000 }, "User": func(o *mail.Options) { o.Password = password },
		"Security": func(o *mail.Options) { o.Security, o.User, o.Password = mail.None, "a", password },
		"From":     func(o *mail.Options) { o.From = "a@b.example\r\nBcc: x@y.example" }, "To": func(o *mail.Options) { o.To = nil },
		"Timeout": func(o *mail.Options) { o.Timeout = time.Hour }, "Hello": func(o *mail.Options) { o.Hello = "a\r\nb" },
	} {
		o := good
		change(&o)
		n, err := mail.New(o)
		if e, ok := errors.AsType[*perfmon.FieldError](err); !ok || e.Field != field || n != nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", field, err)
		}
	}
	good.To = []string{"c@d.example", "nobody"}
	if _, err := mail.New(good); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("%v", err)
	}
}

// The page of a mail is whole.
func TestPage(t *testing.T) {
	s := serve(t, mail.STARTTLS, nil)
	if err := send(t, s.options(), opened()); err != nil {
		t.Fatal(err)
	}
	_, part := parts(t, s.all()[0])
	for _, tag := range []string{"table", "ul", "p", "h1", "div", "a"} {
		if n, m := strings.Count(string(part["text/html"]), "<"+tag+" "), strings.Count(string(part["text/html"]), "</"+tag+">"); n != m {
			t.Errorf("%d of %s begin, %d end", n, tag, m)
		}
	}
}
