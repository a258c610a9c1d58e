package httpapi

import (
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/backend-prs/perfmon"
)

// How many wrong tokens may be sent: at once, and each second.
const (
	guessAtOnce, guessRate       = 100, 1
	guessAtOnceOwn, guessRateOwn = 10, 0.1
)

// guesses limits how often wrong tokens are answered, from one address and in all. Right
// ones always pass: else a stranger who sends wrong ones could keep everybody out. So it is
// the length of the token that keeps it from being guessed, and not this limit, which slows
// down clients that have a token of the past. It owns the counts; it is safe for concurrent use.
type guesses struct {
	m *perfmon.Monitor

	mu      sync.Mutex
	all     *rate.Limiter                  // mu
	refused uint64                         // mu
	own     map[netip.Prefix]*rate.Limiter // of those that sent a wrong one lately; mu
}

func newGuesses(m *perfmon.Monitor) *guesses {
	return &guesses{m: m, all: rate.NewLimiter(guessRate, guessAtOnce), own: map[netip.Prefix]*rate.Limiter{}}
}

// wrong counts a wrong token. It returns a 429 where too many were sent, which does not count.
func (g *guesses) wrong(r *http.Request) *problem {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Unix(0, 0).Add(g.m.Elapsed())
	g.forget(now)
	from := network(r.RemoteAddr)
	own := g.own[from]
	if own == nil {
		own = rate.NewLimiter(guessRateOwn, guessAtOnceOwn)
	}
	for _, l := range []*rate.Limiter{own, g.all} {
		if missing := 1 - l.TokensAt(now); missing > 0 {
			g.refused++
			return tooMany("Too many wrong tokens were sent.", inUnits(math.Max(missing/float64(l.Limit()), 1e-3), time.Second))
		}
	}
	own.AllowN(now, 1)
	g.all.AllowN(now, 1)
	g.own[from] = own
	return nil
}

// forget drops those that may send as many as anybody; mu is held. What remains is bounded
// by how many all of them may send.
func (g *guesses) forget(now time.Time) {
	for from, own := range g.own {
		if own.TokensAt(now) >= guessAtOnceOwn {
			delete(g.own, from)
		}
	}
}

// network is whom an address stands for: itself, or for IPv6 its network of 64 bits, whose
// addresses one client can have all of. It may be without a port: middleware of the host
// that takes it from a header of a proxy leaves it so. An address of another kind is the zero
// Prefix.
func network(address string) netip.Prefix {
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return netip.Prefix{}
		}
		ip = at.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, err := ip.Prefix(bits)
	if err != nil { // of 32 and 64 bits: cannot be
		return netip.Prefix{}
	}
	return p
}
