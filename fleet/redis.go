// Package fleet lets the replicas of a service meet in a Redis, or in what speaks its
// protocol, so that they are one to those who watch:
//
//	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{"redis:6379"}})
//	monitor, err := perfmon.New(perfmon.WithService(service), perfmon.WithFleet(fleet.Redis(client, "shop")))
//
// All keys of a service share a hash tag, so a cluster keeps them together.
package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// Store is a fleet in a Redis. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	prefix string
}

var _ perfmon.Fleet = (*Store)(nil)

const (
	// stateLife is how long what a replica pushed outlives its last push.
	stateLife = time.Hour
	// keepSteps and keepRecords are how many entries of a log are kept in order.
	keepSteps   = 360
	keepRecords = 10_000
	// pullStates is how many states of a replica are pulled at once.
	pullStates = 30
)

// Redis returns the fleet of a service: replicas that give the same name meet. client is
// the caller's, who closes it after the monitor; it may be a single server, Sentinel or a
// cluster. The server needs Redis 6.2 or what is compatible with that.
func Redis(client redis.UniversalClient, service string) *Store {
	// A brace would end the hash tag early.
	return &Store{client, "perfmon:{" + strings.NewReplacer("{", "(", "}", ")").Replace(service) + "}:"}
}

func (s *Store) key(parts ...string) string { return s.prefix + strings.Join(parts, ":") }

func (s *Store) log(name perfmon.FleetLog) (latest, tail string) {
	return s.key("log", string(name)), s.key("log", string(name), "tail")
}

// leadScript holds, takes, or gives up the lease, and returns it.
var leadScript = redis.NewScript(`
local cur = redis.call('HMGET', KEYS[1], 'id', 'token', 'beat')
local id, mine, resign, take, seenToken, seenBeat, highest = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local function hold(token)
  redis.call('HSET', KEYS[1], 'id', id, 'token', token, 'beat', 1)
  return {id, tostring(token), '1'}
end
if not cur[2] then
  if resign == '1' then return {'', '0', '0'} end
  return hold(highest + 1)
end
if cur[1] == id and cur[2] == mine then
  if resign == '1' then
    redis.call('HSET', KEYS[1], 'id', '')
    return {'', cur[2], cur[3]}
  end
  return {id, cur[2], tostring(redis.call('HINCRBY', KEYS[1], 'beat', 1))}
end
if resign == '1' then return cur end
if cur[1] == '' or (take == '1' and cur[2] == seenToken and cur[3] == seenBeat) then
  return hold(math.max(highest, tonumber(cur[2])) + 1)
end
return cur
`)

// Lead implements perfmon.Fleet.
func (s *Store) Lead(ctx context.Context, b perfmon.FleetBid) (lease perfmon.FleetLease, err error) {
	cur, err := leadScript.Run(ctx, s.client, []string{s.key("lease")},
		b.ID, b.Token, flag(b.Resign), flag(b.Take), b.SeenToken, b.SeenBeat, b.Highest).StringSlice()
	if err != nil {
		return lease, err
	}
	if len(cur) != 3 {
		return lease, fmt.Errorf("the lease in %s has %d fields, and not 3", s.key("lease"), len(cur))
	}
	lease.ID = cur[0]
	if lease.Token, err = strconv.ParseUint(cur[1], 10, 64); err != nil {
		return lease, fmt.Errorf("the token of the lease: %w", err)
	}
	lease.Beat, err = strconv.ParseUint(cur[2], 10, 64)
	return lease, err
}

func flag(v bool) string {
	if v {
		return "1"
	}
	return "0"
}

// registered is a replica in the registry.
type registered struct {
	perfmon.FleetReplica
	Kept  uint64 `json:"kept"`  // the first of its states that is there
	First uint64 `json:"first"` // the first that is not counted, as far as it knows
}

// Push implements perfmon.Fleet.
func (s *Store) Push(ctx context.Context, r perfmon.FleetReplica, kept, first, from uint64, states [][]byte) error {
	info, err := json.Marshal(registered{r, kept, first})
	if err != nil {
		return err
	}
	key := s.key("state", r.ID)
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, s.key("replicas"), r.ID, info)
		for i, data := range states {
			p.HSet(ctx, key, strconv.FormatUint(from+uint64(i), 10), data)
		}
		var done []string
		for n := uint64(1); n <= 2*pullStates && n < kept; n++ {
			done = append(done, strconv.FormatUint(kept-n, 10))
		}
		if len(done) > 0 {
			p.HDel(ctx, key, done...)
		}
		p.PExpire(ctx, key, stateLife)
		return nil
	})
	return err
}

// Pull implements perfmon.Fleet.
func (s *Store) Pull(ctx context.Context, after map[string]uint64) ([]perfmon.FleetPull, error) {
	infos, err := s.client.HGetAll(ctx, s.key("replicas")).Result()
	if err != nil {
		return nil, err
	}
	list := make([]perfmon.FleetPull, 0, len(infos))
	for _, id := range sortedKeys(infos) {
		var r registered
		if err := json.Unmarshal([]byte(infos[id]), &r); err != nil {
			continue // of a later version; it is not ours to drop
		}
		first := r.First
		if counted, known := after[id]; known {
			first = max(counted+1, r.Kept)
		}
		list = append(list, perfmon.FleetPull{FleetReplica: r.FleetReplica, First: first})
	}
	answers := make([]*redis.SliceCmd, len(list))
	if len(list) == 0 {
		return nil, nil
	}
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, r := range list {
			fields := make([]string, pullStates)
			for n := range fields {
				fields[n] = strconv.FormatUint(r.First+uint64(n), 10)
			}
			answers[i] = p.HMGet(ctx, s.key("state", r.ID), fields...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, a := range answers {
		for _, v := range a.Val() {
			data, ok := v.(string)
			if !ok {
				break
			}
			list[i].States = append(list[i].States, []byte(data))
		}
	}
	return list, nil
}

// Forget implements perfmon.Fleet.
func (s *Store) Forget(ctx context.Context, ids []string) error {
	return s.client.HDel(ctx, s.key("replicas"), ids...).Err()
}

// appendScript adds entries to a log, or writes it anew. Each entry of the tail names the
// number before it, so that a reader sees what was cut off.
var appendScript = redis.NewScript(`
local lease, latest, tail = KEYS[1], KEYS[2], KEYS[3]
local token, after, number, keep, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if token ~= '0' then
  local cur = redis.call('HMGET', lease, 'token', 'id')
  if cur[1] ~= token or cur[2] == '' then return 'fenced' end
end
local last = redis.call('HGET', latest, '#number')
if epoch ~= '' then
  if last then return 'conflict' end
  redis.call('DEL', tail)
  redis.call('HSET', latest, '#number', number, '#epoch', epoch)
else
  if not last then return 'emptied' end
  if last ~= after then return 'conflict' end
  redis.call('HSET', latest, '#number', number)
end
local before = after
for i = 6, #ARGV, 3 do
  local n, key, data = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if epoch == '' or key == '' then
    redis.call('XADD', tail, 'MAXLEN', '~', keep, n .. '-0', 'p', before, 'k', key, 'd', data)
  end
  if key ~= '' then redis.call('HSET', latest, key, data) end
  before = n
end
return 'ok'
`)

// Append implements perfmon.Fleet.
func (s *Store) Append(ctx context.Context, log perfmon.FleetLog, token, after, number uint64, entries []perfmon.FleetEntry) error {
	return s.write(ctx, log, token, after, number, "", entries)
}

// Restore implements perfmon.Fleet.
func (s *Store) Restore(ctx context.Context, log perfmon.FleetLog, token, number uint64, entries []perfmon.FleetEntry) error {
	epoch := fmt.Sprintf("%d.%d", token, time.Now().UnixNano())
	return s.write(ctx, log, token, 0, number, epoch, entries)
}

func (s *Store) write(ctx context.Context, log perfmon.FleetLog, token, after, number uint64, epoch string, entries []perfmon.FleetEntry) error {
	keep := keepRecords
	if log == perfmon.FleetSteps {
		keep = keepSteps
	}
	args := []any{token, after, number, keep, epoch}
	for _, e := range entries {
		args = append(args, e.Number, e.Key, e.Data)
	}
	latest, tail := s.log(log)
	outcome, err := appendScript.Run(ctx, s.client, []string{s.key("lease"), latest, tail}, args...).Text()
	switch {
	case err != nil:
		return err
	case outcome == "fenced":
		return perfmon.ErrFenced
	case outcome == "emptied":
		return perfmon.ErrEmptied
	case outcome == "conflict":
		return perfmon.ErrConflict
	}
	return nil
}

// Read implements perfmon.Fleet.
func (s *Store) Read(ctx context.Context, log perfmon.FleetLog, after uint64) (t perfmon.FleetTail, err error) {
	latest, tail := s.log(log)
	var head *redis.SliceCmd
	var rest *redis.XMessageSliceCmd
	_, err = s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		head = p.HMGet(ctx, latest, "#number", "#epoch")
		rest = p.XRange(ctx, tail, "("+strconv.FormatUint(after, 10)+"-0", "+")
		return nil
	})
	if err != nil {
		return t, err
	}
	number, ok := head.Val()[0].(string)
	if !ok {
		return t, perfmon.ErrEmptied
	}
	t.Epoch, _ = head.Val()[1].(string)
	if t.Number, err = strconv.ParseUint(number, 10, 64); err != nil {
		return t, fmt.Errorf("the number of the log %s: %w", log, err)
	}
	if after == t.Number {
		return t, nil
	}
	before, last := after, after
	for i, message := range rest.Val() {
		e, p, err := entryOf(message)
		if err != nil {
			return t, err
		}
		if i == 0 {
			before = p
		}
		t.Entries, last = append(t.Entries, e), e.Number
	}
	if before == after && last == t.Number && last > after || log == perfmon.FleetSteps {
		return t, nil
	}
	return s.whole(ctx, log)
}

// whole returns the latest entry of each key.
func (s *Store) whole(ctx context.Context, log perfmon.FleetLog) (t perfmon.FleetTail, err error) {
	latest, _ := s.log(log)
	all, err := s.client.HGetAll(ctx, latest).Result()
	if err != nil {
		return t, err
	}
	t.Whole, t.Epoch = true, all["#epoch"]
	if all["#number"] == "" {
		return t, perfmon.ErrEmptied
	}
	if t.Number, err = strconv.ParseUint(all["#number"], 10, 64); err != nil {
		return t, fmt.Errorf("the number of the log %s: %w", log, err)
	}
	for _, key := range sortedKeys(all) {
		if !strings.HasPrefix(key, "#") {
			t.Entries = append(t.Entries, perfmon.FleetEntry{Key: key, Data: []byte(all[key])})
		}
	}
	return t, nil
}

var errEntry = errors.New("an entry of the log has no number or no data")

// entryOf reads an entry of a tail, and the number before it.
func entryOf(m redis.XMessage) (e perfmon.FleetEntry, before uint64, err error) {
	id, _, _ := strings.Cut(m.ID, "-")
	if e.Number, err = strconv.ParseUint(id, 10, 64); err != nil {
		return e, 0, errEntry
	}
	p, _ := m.Values["p"].(string)
	if before, err = strconv.ParseUint(p, 10, 64); err != nil {
		return e, 0, errEntry
	}
	data, ok := m.Values["d"].(string)
	if !ok {
		return e, 0, errEntry
	}
	e.Key, _ = m.Values["k"].(string)
	e.Data = []byte(data)
	return e, before, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
