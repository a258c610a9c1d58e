package mail_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify/mail"
)

// Where the server refuses one, the others get the mail, once, however often it is tried.
func TestOneIsRefused(t *testing.T) {
	for _, code := range []int{550, 451} {
		var refuse atomic.Bool
		refuse.Store(true)
		s := serve(t, mail.STARTTLS, func(command string) error {
			if command == "RCPT bob@shop.example" && refuse.Load() {
				return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "not him"}
			}
			return nil
		})
		m, err := mail.New(s.options())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			err := m.Notify(t.Context(), opened())
			if err == nil || !strings.Contains(err.Error(), "bob@shop.example") || strings.Contains(err.Error(), "ann@") {
				t.Errorf("%d: the error is %v, want one that names who is refused", code, err)
			}
			if _, ok := errors.AsType[*perfmon.UndeliverableError](err); ok != (code == 550) {
				t.Errorf("%d: undeliverable: %t", code, ok)
			}
		}
		refuse.Store(false)
		for range 2 {
			if err := m.Notify(t.Context(), opened()); err != nil {
				t.Error(err)
			}
		}
		next := opened()
		next.ID = "01KNEXT"
		if err := m.Notify(t.Context(), next); err != nil {
			t.Error(err)
		}
		var to [][]string
		for _, got := range s.all() {
			to = append(to, got.To)
		}
		if diff := cmp.Diff([][]string{{"ann@shop.example"}, {"bob@shop.example"}, {"ann@shop.example", "bob@shop.example"}}, to); diff != "" {
			t.Errorf("%d: recipients (-want +got):\n%s", code, diff)
		}
	}
}
