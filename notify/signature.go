package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Sign returns the signature of a webhook's call: "v1=" and the HMAC-SHA256 (RFC 2104), in hex,
// of the timestamp as in the header, a dot, and the body.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

func timestamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// Errors of VerifySignature.
var (
	ErrSignature = errors.New("notify: the signature does not fit the body")
	ErrTimestamp = errors.New("notify: the timestamp is missing, or too far from now")
)

// VerifySignature is for a webhook's receiver: it reports whether a call comes from somebody who
// knows the secret, and was made within tolerance of now, before or after; 5 minutes are usual.
// body is what was read from the call, unchanged. A call that was recorded can be sent again
// within the tolerance: who must not take it twice remembers the HeaderNotification, which is
// in the JSON body, and so signed, as well. The errors are ErrSignature and ErrTimestamp.
func VerifySignature(secret []byte, header http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: there is no secret", ErrSignature)
	}
	at := header.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return ErrTimestamp
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > tolerance || d < -tolerance {
		return ErrTimestamp
	}
	if !hmac.Equal([]byte(header.Get(HeaderSignature)), []byte(Sign(secret, at, body))) {
		return ErrSignature
	}
	return nil
}
