package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"sync"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/backend-prs/perfmon"
)

// reached are those who have got a notification. It is kept for the latest one, so that those
// who got it are left out when it is tried again.
type reached struct {
	mu        sync.Mutex
	id        string          // mu
	addresses map[string]bool // mu
}

// left returns those of a list who have not got a notification.
func (r *reached) left(id string, list []*netmail.Address) (left []*netmail.Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range list {
		if id == "" || id != r.id || !r.addresses[a.Address] {
			left = append(left, a)
		}
	}
	return left
}

func (r *reached) add(id string, list []*netmail.Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != r.id {
		r.id, r.addresses = id, map[string]bool{}
	}
	for _, a := range list {
		r.addresses[a.Address] = true
	}
}

// refusedError says that the server refuses some recipients; the others have got the mail.
type refusedError struct {
	refused   []string // each with what the server says
	temporary bool     // of one at least
	sent      int      // how many have got it
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("sent to %d, refused for %d: %s", e.sent, len(e.refused), strings.Join(e.refused, "; "))
}

// sendToAll sends a mail to all who have not got it. go-mail sends to all or to none; where the
// server refuses some, it is asked whom, and the others get it.
func (m *mailer) sendToAll(ctx context.Context, n perfmon.Notification) error {
	to := m.reached.left(n.ID, m.to)
	if len(to) == 0 {
		return nil
	}
	err := m.send(ctx, n, to)
	if e, ok := errors.AsType[*gomail.SendError](err); !ok || e.Reason != gomail.ErrSMTPRcptTo || len(m.to) == 1 {
		if err == nil {
			m.reached.add(n.ID, to)
		}
		return err
	}
	taken, refused, err := m.ask(ctx, to)
	if err != nil {
		return err
	}
	if len(taken) > 0 {
		if err := m.send(ctx, n, taken); err != nil {
			return err
		}
		m.reached.add(n.ID, taken)
	}
	if len(refused.refused) == 0 {
		return nil
	}
	refused.sent = len(m.to) - len(refused.refused)
	return refused
}

// ask asks the server whom it takes a mail for.
func (m *mailer) ask(ctx context.Context, to []*netmail.Address) (taken []*netmail.Address, refused *refusedError, err error) {
	refused = &refusedError{}
	err = m.connected(ctx, func(_ *gomail.Client, session *smtp.Client) error {
		if err := session.Mail(m.from.Address); err != nil {
			return err
		}
		for _, a := range to {
			err := session.Rcpt(a.Address)
			answer, ok := errors.AsType[*textproto.Error](err)
			switch {
			case err == nil:
				taken = append(taken, a)
			case !ok:
				return err // the connection
			default:
				refused.refused = append(refused.refused, fmt.Sprintf("%s: %v", a.Address, answer))
				refused.temporary = refused.temporary || answer.Code/100 != 5
			}
		}
		return session.Reset()
	})
	return taken, refused, err
}
