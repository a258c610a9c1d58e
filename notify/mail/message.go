package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	netmail "net/mail"
	"path"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

const (
	maxCharts     = 5
	maxChart      = 1 << 20 // bytes
	maxReferences = 10
)

// message writes a mail. Its texts cannot add headers: notify.Compose leaves no line breaks in
// them, and go-mail encodes what is not ASCII.
func (m *mailer) message(n perfmon.Notification, to []*netmail.Address) (*gomail.Msg, error) {
	words := notify.Compose(n)
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(to...)
	msg.Subject(words.Title)
	msg.SetDateWithValue(n.Time)
	msg.SetMessageIDWithValue(m.id("notification", n.ID))
	msg.SetGenHeader(gomail.HeaderXMailer, "perfmon")
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence notice answers it
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if words.Tone == notify.ToneCritical {
		msg.SetImportance(gomail.ImportanceHigh)
	}
	if refs := m.references(n); len(refs) > 0 {
		msg.SetGenHeaderPreformatted(gomail.HeaderReferences, strings.Join(refs, "\r\n "))
		msg.SetGenHeaderPreformatted(gomail.HeaderInReplyTo, refs[0])
	}
	charts := drawable(n.Charts)
	msg.SetBodyString(gomail.TypeTextPlain, words.Plain()+"\n")
	msg.AddAlternativeString(gomail.TypeTextHTML, page(words, charts))
	for i, c := range charts {
		err := msg.EmbedReader(fileName(c, i), bytes.NewReader(c.Data),
			gomail.WithFileContentType(gomail.ContentType(c.ContentType)), gomail.WithFileContentID("<"+contentID(i)+">"))
		if err != nil {
			return nil, err
		}
	}
	return msg, nil
}

// id makes a message ID that is the same for the same key.
func (m *mailer) id(kind, key string) string {
	domain := m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	sum := sha256.Sum256([]byte(kind + "\x00" + key))
	return fmt.Sprintf("perfmon-%s-%s@%s", kind, hex.EncodeToString(sum[:16]), domain)
}

// references are the threads that a mail belongs to: one for each of its alerts. They begin
// with a mail that was never sent, which mail programs do not mind.
func (m *mailer) references(n perfmon.Notification) (refs []string) {
	for _, a := range n.Alerts[:min(len(n.Alerts), maxReferences)] {
		if a.DedupKey != "" {
			refs = append(refs, "<"+m.id("alert", a.DedupKey)+">")
		}
	}
	return refs
}

// drawable picks the pictures that a mail carries.
func drawable(list []perfmon.Image) (charts []perfmon.Image) {
	for _, c := range list {
		if (c.ContentType == "image/png" || c.ContentType == "image/jpeg") && len(c.Data) > 0 && len(c.Data) <= maxChart && len(charts) < maxCharts {
			charts = append(charts, c)
		}
	}
	return charts
}

func contentID(i int) string { return fmt.Sprintf("chart-%d@perfmon", i+1) }

// fileName is a name without a path and without what a header would need to quote.
func fileName(c perfmon.Image, i int) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, path.Base(c.Name))
	if name = strings.Trim(name, "._"); name == "" || len(name) > 100 {
		name = fmt.Sprintf("chart-%d.%s", i+1, strings.TrimPrefix(c.ContentType, "image/"))
	}
	return name
}
