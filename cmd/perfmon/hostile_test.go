package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backend-prs/perfmon/httpapi"
)

// Whatever a server answers, a verb ends with one of the exit codes, without a panic, and writes
// nothing that a terminal obeys.
func TestHostileServer(t *testing.T) {
	s := busy(t)
	random := rand.New(rand.NewPCG(13, 7))
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		s.api.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.Header().Del("Content-Encoding")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(spoil(answer.Body.Bytes(), random))
	}))
	defer evil.Close()
	s.env["PERFMON_URL"] = evil.URL + strings.TrimSuffix(httpapi.DefaultPrefix, "/")
	for _, line := range []string{
		"status", "health", "dashboard", "dashboard --wide", "alerts", "alerts --wide", "thresholds", "metrics", "endpoints", "trends", "anomalies", "series",
		"baseline", "events", "silences", "notify", "notify who error_rate", "config", "diagnostics", "session", "test", "silences add --for=2h --reason=r",
		"notify test chat", "alerts --output-format=csv", "anomalies --output-format=csv", "silences --output-format=json",
	} {
		for range 25 {
			got := s.run(strings.Fields(line)...)
			if got.code < exitFine || got.code > exitUnknown {
				t.Errorf("%s: exit code %d", line, got.code)
			}
			if shown := strings.ReplaceAll(got.out+got.err, "\r\n", "\n"); strings.ContainsAny(shown, "\x1b\x00\r\x07\u009b\u202e") && !strings.Contains(line, "output-format") { // those are for programs
				t.Errorf("%s writes what a terminal obeys: %q", line, shown)
				break
			}
		}
	}
}

// spoil changes some of an answer: texts, numbers, kinds, and what is there at all.
func spoil(data []byte, random *rand.Rand) []byte {
	var v any
	if random.IntN(8) == 0 || json.Unmarshal(data, &v) != nil {
		switch random.IntN(5) {
		case 0:
			return []byte("null")
		case 1:
			return []byte("\x1b[2J<html>")
		case 2:
			return []byte(strings.Repeat("[", 20_000))
		case 3:
			return nil
		}
		return data[:random.IntN(len(data)+1)]
	}
	share := 1 + random.IntN(60) // one in so many values
	out, err := json.Marshal(spoilValue(v, share, random))
	if err != nil {
		return nil
	}
	return out
}

func spoilValue(v any, share int, random *rand.Rand) any {
	if random.IntN(share) == 0 {
		nasty := []any{
			nil, "", "\x1b[31mred\r\nnext\x00\x07\u009b2J\u202eabc", strings.Repeat("長", 3000), -1e308, 1e308, 5e-324, -1, true, []any{}, map[string]any{}, "NaN",
			"0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
		}
		same := v
		pick := nasty[random.IntN(len(nasty))]
		switch same.(type) { // mostly of the kind that it was, or it is refused at once
		case string:
			if _, text := pick.(string); !text && random.IntN(4) > 0 {
				pick = nasty[2]
			}
		case float64:
			if _, number := pick.(float64); !number && random.IntN(4) > 0 {
				pick = 1e308
			}
		default:
			if random.IntN(4) > 0 {
				pick = v
			}
		}
		return pick
	}
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = spoilValue(inner, share, random)
		}
	case []any:
		for i, inner := range v {
			v[i] = spoilValue(inner, share, random)
		}
	}
	return v
}
