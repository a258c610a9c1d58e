package notify_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// A webhook's receiver gets the notification, whole, and can tell who sent it.
func TestWebhook(t *testing.T) {
	r := receive(t, nil)
	hook, err := notify.Webhook(notify.WebhookOptions{
		URL: r.URL + "/hook", Secret: []byte(key), HTTP: notify.HTTP{Header: map[string]string{"X-Team": "shop"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Notify(t.Context(), opened()); err != nil {
		t.Fatal(err)
	}
	c := r.last(t)
	if err := notify.VerifySignature([]byte(key), c.Header, c.Body, time.Now(), time.Minute); err != nil {
		t.Error(err)
	}
	var got perfmon.Notification
	decode(t, c.Body, &got)
	if diff := cmp.Diff(opened(), got); diff != "" {
		t.Errorf("(-sent +got):\n%s", diff)
	}
	if c.Header.Get("X-Team") != "shop" || c.Header.Get(notify.HeaderNotification) != "01KABC" || c.Path != "/hook" {
		t.Errorf("%s: %v", c.Path, c.Header)
	}
}

func TestVerifySignature(t *testing.T) {
	body, at := []byte(`{"id":"1"}`), time.Unix(1_800_000_000, 0)
	header := func(timestamp, signature string) http.Header {
		h := http.Header{}
		h.Set(notify.HeaderTimestamp, timestamp)
		h.Set(notify.HeaderSignature, signature)
		return h
	}
	good := header("1800000000", notify.Sign([]byte(key), "1800000000", body))
	for name, c := range map[string]struct {
		secret string
		header http.Header
		body   string
		now    time.Time
		want   error
	}{
		"good":                 {key, good, string(body), at, nil},
		"at the edge":          {key, good, string(body), at.Add(5 * time.Minute), nil},
		"too late":             {key, good, string(body), at.Add(5*time.Minute + time.Second), notify.ErrTimestamp},
		"too early":            {key, good, string(body), at.Add(-5*time.Minute - time.Second), notify.ErrTimestamp},
		"another body":         {key, good, `{"id":"2"}`, at, notify.ErrSignature},
		"another secret":       {strings.ToUpper(key), good, string(body), at, notify.ErrSignature},
		"no secret":            {"", header("1800000000", notify.Sign(nil, "1800000000", body)), string(body), at, notify.ErrSignature},
		"a moved timestamp":    {key, header("1800000001", good.Get(notify.HeaderSignature)), string(body), at, notify.ErrSignature},
		"a timestamp of words": {key, header("now", good.Get(notify.HeaderSignature)), string(body), at, notify.ErrTimestamp},
		"nothing":              {key, http.Header{}, string(body), at, notify.ErrTimestamp},
		"no signature":         {key, header("1800000000", ""), string(body), at, notify.ErrSignature},
	} {
		if err := notify.VerifySignature([]byte(c.secret), c.header, []byte(c.body), c.now, 5*time.Minute); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The signature is that of a witness: openssl dgst -sha256 -hmac 0123456789abcdef.
func TestSign(t *testing.T) {
	const want = "v1=1313ae9c874eb1a0868ad0b65f841c4243c23fdcfad69a3ada227726fad9960e"
	if got := notify.Sign([]byte("0123456789abcdef"), "1800000000", []byte("{}")); got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
}

func TestWebhookBody(t *testing.T) {
	r := receive(t, nil)
	refuses := errors.New("no body for this")
	var fail error
	hook, err := notify.Webhook(notify.WebhookOptions{URL: r.URL, Unsigned: true, WithoutCharts: true, Body: func(n perfmon.Notification) ([]byte, string, error) {
		return []byte("title=" + n.Title + strings.Repeat("!", len(n.Charts))), "text/plain", fail
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := opened()
	n.Title = "x"
	if err := hook.Notify(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	c := r.last(t)
	if string(c.Body) != "title=x" || c.Header.Get("Content-Type") != "text/plain" || c.Header.Get(notify.HeaderSignature) != "" {
		t.Errorf("%s with %v", c.Body, c.Header)
	}
	fail = refuses
	if err := hook.Notify(t.Context(), n); !errors.Is(err, refuses) {
		t.Errorf("%v", err)
	} else if _, ok := errors.AsType[*perfmon.UndeliverableError](err); !ok {
		t.Errorf("%v is tried again", err)
	}
}
