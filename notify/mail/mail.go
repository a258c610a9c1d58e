// Package mail tells people by e-mail, by github.com/wneessen/go-mail:
//
//	mail, err := mail.New(mail.Options{
//		Host: "smtp.example.org", User: "perfmon", Password: os.Getenv("SMTP_PASSWORD"),
//		From: "perfmon <perfmon@example.org>", To: []string{"on-call@example.org"},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//
// A mail is plain text and HTML, with the charts in it. All mails of an alert are one thread.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/backend-prs/perfmon"
)

// Security is how a connection is protected.
type Security int

const (
	// STARTTLS begins in clear and has to become TLS before anything is told; port 587.
	STARTTLS Security = iota
	// TLS is TLS from the start; port 465.
	TLS
	// None protects nothing: for a relay on the same machine; port 25. It takes no password.
	None
)

const (
	defaultTimeout = 30 * time.Second
	maxTimeout     = 5 * time.Minute
	maxRecipients  = 100
)

// Options say which server sends, and to whom.
type Options struct {
	Host     string // the server's name, as in its certificate
	Port     int    // 0: that of Security
	Security Security
	// TLS replaces the defaults, as for a private certificate authority; nil keeps them.
	TLS *tls.Config
	// User and Password sign in; both empty: nobody signs in. Of what the server offers the
	// best is taken: SCRAM, PLAIN or LOGIN.
	User, Password string
	// From is an address such as "perfmon <perfmon@example.org>".
	From string
	// To are 1 to 100 addresses. Where the server refuses some, the others get the mail, once;
	// the error names those that it refuses.
	To []string
	// Hello is the name by which this machine greets the server; empty is that of the machine.
	Hello string
	// Timeout is how long sending may take, up to 5 min; 0 is 30 s. An earlier deadline of
	// the context counts.
	Timeout time.Duration
}

// mailer is a Notifier.
type mailer struct {
	options Options
	from    *netmail.Address
	to      []*netmail.Address
	reached reached
}

// New returns a notifier that sends mails. It is safe for concurrent use; each mail has a
// connection of its own. A server that refuses a mail for good (an answer of 500 to 599 to its
// sender, its recipients or its content) makes a *perfmon.UndeliverableError; errors do not
// hold the password. The error of New is a *perfmon.FieldError.
func New(o Options) (perfmon.Notifier, error) {
	m, err := newMailer(o)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return m, nil
}

func newMailer(o Options) (*mailer, error) {
	wrong := func(field string, value any, want string) (*mailer, error) {
		return nil, &perfmon.FieldError{Field: field, Value: value, Want: want}
	}
	switch {
	case o.Host == "" || strings.ContainsAny(o.Host, " /:@\r\n"):
		return wrong("Host", o.Host, "the name of a server, without a port")
	case o.Port < 0 || o.Port > 65535:
		return wrong("Port", o.Port, "0 (that of Security), or 1 to 65535")
	case o.Security < STARTTLS || o.Security > None:
		return wrong("Security", int(o.Security), "STARTTLS, TLS or None")
	case o.Security == None && (o.User != "" || o.Password != ""):
		return wrong("Security", "None", "STARTTLS or TLS, as there is a password")
	case (o.User == "") != (o.Password == ""):
		return wrong("User", o.User, "a user with a password, or neither")
	case o.Timeout < 0 || o.Timeout > maxTimeout:
		return wrong("Timeout", o.Timeout, "0 (30 s) to 5m0s")
	case strings.ContainsAny(o.Hello, " \r\n"):
		return wrong("Hello", o.Hello, "the name of this machine, or nothing")
	case len(o.To) == 0 || len(o.To) > maxRecipients:
		return wrong("To", len(o.To), "1 to 100 addresses")
	}
	m := &mailer{options: o}
	var err error
	if m.from, err = netmail.ParseAddress(o.From); err != nil {
		return wrong("From", o.From, `an address such as "perfmon <perfmon@example.org>"`)
	}
	for _, to := range o.To {
		a, err := netmail.ParseAddress(to)
		if err != nil {
			return wrong("To", to, "an address such as on-call@example.org")
		}
		m.to = append(m.to, a)
	}
	if o.Port == 0 {
		m.options.Port = map[Security]int{STARTTLS: 587, TLS: 465, None: 25}[o.Security]
	}
	if o.Timeout == 0 {
		m.options.Timeout = defaultTimeout
	}
	m.options.TLS = o.TLS.Clone()
	if m.options.TLS == nil {
		m.options.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if m.options.TLS.ServerName == "" {
		m.options.TLS.ServerName = o.Host
	}
	return m, nil
}

// String names the channel, without its secrets.
func (m *mailer) String() string { return "mail by " + m.options.Host }

// Notify implements perfmon.Notifier.
func (m *mailer) Notify(ctx context.Context, n perfmon.Notification) error {
	ctx, cancel := context.WithTimeout(ctx, m.options.Timeout)
	defer cancel() // closes the connection
	if err := m.sendToAll(ctx, n); err != nil {
		return m.judge(ctx, err)
	}
	return nil
}

// send sends a mail to some, by a connection of its own.
func (m *mailer) send(ctx context.Context, n perfmon.Notification, to []*netmail.Address) error {
	msg, err := m.message(n, to)
	if err != nil {
		return &perfmon.UndeliverableError{Err: err}
	}
	return m.connected(ctx, func(client *gomail.Client, session *smtp.Client) error {
		return client.SendWithSMTPClient(session, msg)
	})
}

// connected does something by a connection, which is closed when ctx ends.
func (m *mailer) connected(ctx context.Context, do func(*gomail.Client, *smtp.Client) error) error {
	dial := func(dialing context.Context, network, address string) (c net.Conn, err error) {
		if m.options.Security == TLS {
			c, err = (&tls.Dialer{Config: m.options.TLS}).DialContext(dialing, network, address)
		} else {
			c, err = (&net.Dialer{}).DialContext(dialing, network, address)
		}
		if err == nil { // go-mail knows a deadline alone, and leaves the connection open where it goes wrong
			context.AfterFunc(ctx, func() { _ = c.Close() })
		}
		return c, err
	}
	client, err := m.client(dial)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	if err := do(client, session); err != nil {
		return err
	}
	_ = client.CloseWithSMTPClient(session) // the mail is the server's, whatever it says now
	return nil
}

// client returns a client for one mail: go-mail's keeps what it learns from a server.
func (m *mailer) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	o := m.options
	options := []gomail.Option{
		gomail.WithPort(o.Port), gomail.WithTimeout(o.Timeout), gomail.WithTLSConfig(o.TLS), gomail.WithDialContextFunc(dial),
		gomail.WithTLSPolicy(gomail.TLSMandatory),
	}
	switch o.Security {
	case TLS:
		options = append(options, gomail.WithSSL())
	case None:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if o.Hello != "" {
		options = append(options, gomail.WithHELO(o.Hello))
	}
	if o.User != "" {
		options = append(options, gomail.WithUsername(o.User), gomail.WithPassword(o.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return gomail.NewClient(o.Host, options...)
}

// judge says whether trying again helps.
func (m *mailer) judge(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	text := "mail by " + net.JoinHostPort(m.options.Host, strconv.Itoa(m.options.Port)) + ": " + err.Error()
	if m.options.Password != "" {
		text = strings.ReplaceAll(text, m.options.Password, "…")
	}
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	said := &failure{text, err}
	if some, ok := errors.AsType[*refusedError](err); ok && !some.temporary {
		return &perfmon.UndeliverableError{Err: said}
	}
	if refused, ok := errors.AsType[*gomail.SendError](err); ok && !refused.IsTemp() && refused.ErrorCode()/100 == 5 {
		return &perfmon.UndeliverableError{Err: said}
	}
	return said
}

// failure is an error with a text that was cleaned of the password.
type failure struct {
	text string
	err  error
}

func (e *failure) Error() string { return e.text }
func (e *failure) Unwrap() error { return e.err }
