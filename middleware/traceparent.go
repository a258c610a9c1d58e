package middleware

import (
	"net/http"
	"strings"
)

// TraceParent is a function for [WithTraceID]. It returns the trace ID of the request's
// traceparent header (W3C, Trace Context, 2021, section 3.2), 32 hex digits, where the
// caller has marked the trace as sampled: one that is not kept leads nowhere. A header that
// is there twice, or is not exactly as the recommendation says, counts as none. Of a version
// after 00 it reads what is as in 00.
//
// The header comes from whoever makes the request. A service that starts traces itself
// takes the ID from its tracing library.
func TraceParent(r *http.Request) string {
	values := r.Header["Traceparent"]
	if len(values) != 1 {
		return ""
	}
	return sampledTrace(values[0])
}

// Where the parts of a traceparent begin and end: 00-TRACE-PARENT-FLAGS.
const (
	traceStart, traceEnd   = 3, 35
	parentStart, parentEnd = 36, 52
	flagsStart, flagsEnd   = 53, 55
)

// sampledTrace returns the trace ID of a traceparent that is valid and sampled, or "".
func sampledTrace(s string) string {
	if len(s) < flagsEnd || s[traceStart-1] != '-' || s[traceEnd] != '-' || s[parentEnd] != '-' {
		return ""
	}
	version, trace, parent, flags := s[:traceStart-1], s[traceStart:traceEnd], s[parentStart:parentEnd], s[flagsStart:flagsEnd]
	switch {
	case strings.IndexByte("13579bdf", flags[1]) < 0: // the lowest bit says sampled; most are not
		return ""
	case !isHex(version), version == "ff", version == "00" && len(s) > flagsEnd, len(s) > flagsEnd && s[flagsEnd] != '-':
		return ""
	case !isHex(trace), !isHex(parent), !isHex(flags), isZero(trace), isZero(parent):
		return ""
	}
	return trace
}

// isHex reports whether a part has nothing but 0-9 and a-f; capital letters are not allowed.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// isZero reports whether a part is all 0, which is not an ID.
func isZero(s string) bool { return strings.Trim(s, "0") == "" }
