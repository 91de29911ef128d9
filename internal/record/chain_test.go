package record_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/access"
	"lifeline/internal/harness/longform"
	"lifeline/internal/hashchain"
	"lifeline/internal/kinds"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// yearOf is a station's whole record of a year, in memory, so that a byte of it can be changed and changed back.
type yearOf struct {
	key      ed25519.PublicKey
	head     wire.ChainHead
	links    []hashchain.Stored
	records  []wire.ChainRecord
	days     []schedules.Date // of each record
	queues   map[schedules.Date][]byte
	rundowns map[string][]byte
	revision map[string]schedules.Date // of each rundown
}

// chainOf returns the chains of a store without files.
func chainOf(s replica.Store) record.HashChain {
	return record.NewHashChain(record.NewRecords(nil, s, nil, nil, 0))
}

func (y *yearOf) Stations(context.Context) ([]string, error) { return []string{"relay"}, nil }

func (y *yearOf) Head(context.Context, string) (wire.ChainHead, error) { return y.head, nil }

func (y *yearOf) Links(context.Context, string) iter.Seq2[hashchain.Stored, error] {
	return func(yield func(hashchain.Stored, error) bool) {
		for _, l := range y.links {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (y *yearOf) Records(_ context.Context, _ string, from, to time.Time) (out []wire.ChainRecord, err error) {
	for _, r := range y.records {
		if at := time.UnixMilli(r.AtMs); !at.Before(from) && at.Before(to) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (y *yearOf) Queue(_ context.Context, _ string, date schedules.Date) ([]byte, error) {
	return y.queues[date], nil
}

func (y *yearOf) Rundown(_ context.Context, _ string, date schedules.Date, revision int64) ([]byte, error) {
	return y.rundowns[fmt.Sprint(date, revision)], nil
}

func (y *yearOf) Published(context.Context, string) ([]schedules.Date, error) {
	return slices.Collect(maps.Keys(y.queues)), nil
}

func (y *yearOf) ChainsAudit(context.Context) (since time.Time, chains bool, err error) {
	return since, false, nil
}

func (y *yearOf) Audit(context.Context, int64, int64) ([]wire.ChainRecord, error) { return nil, nil }

func (y *yearOf) Unsealed(context.Context, string) (bool, error) { return false, nil }

// verify answers the days that differ.
func (y *yearOf) verify(t *testing.T, known ...wire.ChainHead) []string {
	t.Helper()
	p, err := hashchain.Verify(t.Context(), y, []ed25519.PublicKey{y.key}, known)
	if err != nil {
		t.Fatal(err)
	}
	var days []string
	for _, d := range p.Differences {
		if d.Station != "relay" {
			t.Errorf("names the station %q", d.Station)
		}
		days = append(days, d.Date.String())
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// recordedYear publishes, reports and seals a year day by day, through the use cases and with the real signature. Every
// tenth day is published twice; of every thirtieth something is reported eight days late.
func recordedYear(t *testing.T) *yearOf {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := sign.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	docs := memory.New(100)
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	s := scheduling.New(m, record.NewRecords(m, docs, nil, func() time.Time { return now }, 0), trust.OneKey(signer),
		func() time.Time { return now }, "http://x", time.Minute)
	log := s.Record.Logbook
	commit := func(writes ...store.Write) {
		t.Helper()
		if err := m.Commit(t.Context(), store.Commit{Writes: writes, Origin: access.System.Origin(now, "test",
			"")}); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	station, err := replica.Encode(schedules.Station{ID: "relay", Timezone: "Asia/Kathmandu"})
	must(err)
	commit(store.Write{Kind: replica.KindStation, ID: "relay", Body: station})
	y := &yearOf{key: signer.Public(), queues: map[schedules.Date][]byte{}, rundowns: map[string][]byte{},
		revision: map[string]schedules.Date{}}
	sequence, revision := int64(0), int64(0)
	entry := func(at time.Time) schedules.AsRun {
		sequence++
		return schedules.AsRun{Sequence: sequence, ItemID: fmt.Sprintf("item-%d", sequence),
			SegmentID: "reading-ko-full-hana", SHA256: fmt.Sprintf("%064x", sequence),
			StartedAt: schedules.At(at), EndedAt: schedules.At(at.Add(time.Minute)), Outcome: schedules.Aired}
	}
	zone, err := schedules.Zone("Asia/Kathmandu")
	must(err)
	for day := range 365 {
		start := time.Date(2025, 1, 1+day, 0, 0, 0, 0, zone)
		date := schedules.DateOf(start)
		now = start.Add(-time.Hour)
		versions := 1
		if day%10 == 0 {
			versions = 2
		}
		for range versions {
			revision++
			envelope, err := replica.SignJSON(trust.OneKey(signer), wire.QueueType, wire.Queue{Schema: wire.QueueSchema,
				Station: "relay",
				Date:    date, Revision: revision})
			must(err)
			rundown, err := replica.Encode(schedules.Rundown{Station: "relay", Date: date, Revision: revision,
				Status: schedules.Published})
			must(err)
			writes, err := s.Record.Links.Writes(t.Context(), wire.Link{Station: "relay", Kind: wire.LinkQueue, Date: date,
				Revision: revision,
				Queue:    hashchain.Hash(envelope), Rundown: hashchain.Hash(rundown)})
			must(err)
			was := replica.QueuesIn(m).Revision(replica.DayID("relay", date))
			commit(append(writes, store.Write{Kind: replica.KindQueue, ID: replica.DayID("relay", date), Expect: was,
				Body: envelope},
				store.Write{Kind: replica.KindRevision, ID: replica.RevisionID("relay", date, revision), Body: rundown})...)
			y.queues[date], y.rundowns[fmt.Sprint(date, revision)], y.revision[fmt.Sprint(date, revision)] = envelope, rundown,
				date
		}
		var entries []schedules.AsRun
		for n := range 24 {
			entries = append(entries, entry(start.Add(time.Duration(n)*time.Hour)))
		}
		now = start.Add(24 * time.Hour)
		if day%30 == 9 {
			entries = append(entries, entry(start.AddDate(0, 0, -8).Add(90*time.Minute)))
		}
		_, err := log.Report(t.Context(), "relay", entries)
		must(err)
		if mark, err := docs.Get(t.Context(), record.KindLate, "relay"); (err == nil) != (day%30 == 9) {
			t.Fatalf("%s: late %v: %+v", date, err, mark)
		}
		now = now.Add(6 * time.Hour)
		must(s.Record.Sealing.SealAll(t.Context()))
	}
	read := chainOf(docs)
	for l, err := range read.Links(t.Context(), "relay") {
		must(err)
		y.links = append(y.links, l)
	}
	y.head, err = read.Head(t.Context(), "relay")
	must(err)
	y.records, err = read.Records(t.Context(), "relay", time.Time{}, now)
	must(err)
	for _, r := range y.records {
		y.days = append(y.days, schedules.DateOf(time.UnixMilli(r.AtMs).In(zone)))
	}
	p, err := hashchain.Verify(t.Context(), y, []ed25519.PublicKey{y.key}, nil)
	must(err)
	// the first day is sealed with the one before
	if want := 365 + 37 + 1 + 365 + 12; p.Links != want || p.Days != 1+365+12 ||
		p.Records != 365*24+12 || p.Queues != 365 || p.Rundowns != 365+37 || len(p.Differences) > 0 {
		t.Fatalf("the year itself: %+v, want %d links", p, want)
	}
	whole, err := hashchain.Verify(t.Context(), read, []ed25519.PublicKey{y.key}, nil)
	must(err)
	if len(whole.Differences) > 0 || whole.Links != p.Links || whole.Records != p.Records {
		t.Fatalf("the store: %+v", whole)
	}
	return y
}

// Any one changed byte in a year, of as-run bodies, instants and numbers, queues, rundowns and the links themselves, is
// found, and the day that it belongs to is named and no other. LIFELINE_PROVE=chain changes 50,000.
func TestAnyChangedByteOfAYearIsFound(t *testing.T) {
	longform.Only(t)
	y := recordedYear(t)
	random := rand.New(rand.NewPCG(7, 7))
	batches, linkFlips := 60, 80
	if os.Getenv("LIFELINE_PROVE") == "chain" {
		batches, linkFlips = 1900, 2500
	}
	const batch = 25 // days changed at once: each must be found by itself
	flips := 0
	flip := func(b []byte) (undo func()) {
		at, bit := random.IntN(len(b)), byte(1)<<random.IntN(8)
		b[at] ^= bit
		flips++
		return func() { b[at] ^= bit }
	}
	rundowns := slices.Sorted(maps.Keys(y.rundowns))
	dates := slices.SortedFunc(maps.Keys(y.queues), func(a, b schedules.Date) int {
		return strings.Compare(a.String(),
			b.String())
	})
	for range batches {
		var want []string
		var undo []func()
		for len(want) < batch {
			var date schedules.Date
			var change func() func()
			switch random.IntN(5) {
			case 0, 1:
				i := random.IntN(len(y.records))
				date, change = y.days[i], func() func() { return flip(y.records[i].Body) }
			case 2: // the instant or the number
				i := random.IntN(len(y.records))
				date, change = y.days[i], func() func() {
					was, bit := y.records[i], int64(1)<<random.IntN(40)
					if random.IntN(2) == 0 {
						y.records[i].AtMs ^= bit
					} else {
						y.records[i].Sequence ^= 1 << 40 // one that no other entry has
					}
					flips++
					return func() { y.records[i] = was }
				}
			case 3:
				k := rundowns[random.IntN(len(rundowns))]
				date, change = y.revision[k], func() func() { return flip(y.rundowns[k]) }
			case 4:
				date = dates[random.IntN(len(dates))]
				change = func() func() { return flip(y.queues[date]) }
			}
			if slices.Contains(want, date.String()) {
				continue
			}
			want, undo = append(want, date.String()), append(undo, change())
		}
		slices.Sort(want)
		if got := y.verify(t); !slices.Equal(got, want) {
			t.Fatalf("changed on %v, found on %v", want, got)
		}
		for _, f := range undo {
			f()
		}
	}
	for range linkFlips {
		l := y.links[random.IntN(len(y.links))]
		undo := flip(l.Envelope)
		if got := y.verify(t); len(got) != 1 || got[0] != l.Date.String() {
			t.Fatalf("link %d of %s changed, found on %v", l.Number, l.Date, got)
		}
		undo()
	}
	if got := y.verify(t); len(got) != 0 {
		t.Fatalf("changed back, found on %v", got)
	}
	t.Logf("%d changed bytes in %d links, %d entries, %d rundowns and %d queues, each found on its day", flips,
		len(y.links), len(y.records), len(y.rundowns), len(y.queues))
}

// Nothing can be taken out, put in, moved or signed by another unnoticed.
func TestNothingIsTakenOutOrPutIntoTheRecord(t *testing.T) {
	longform.Only(t)
	y := recordedYear(t)
	seen := y.head
	middle := y.links[400]
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	forger, err := sign.NewSigner(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		day    string
		change func(*yearOf)
	}{
		"an entry": {y.days[5000].String(), func(y *yearOf) { y.records = slices.Delete(y.records, 5000, 5001) }},
		"an entry more": {y.days[5000].String(), func(y *yearOf) {
			r := y.records[5000]
			r.Sequence = 1 << 50
			y.records = append(y.records, r)
		}},
		"a link": {y.links[401].Date.String(), func(y *yearOf) { y.links = slices.Delete(y.links, 400, 401) }},
		"links exchanged": {y.links[401].Date.String(), func(y *yearOf) {
			y.links[400], y.links[401] = y.links[401],
				y.links[400]
		}},
		"the last links": {y.links[len(y.links)-4].Date.String(), func(y *yearOf) { y.links = y.links[:len(y.links)-3] }},
		"all links":      {"0000-00-00", func(y *yearOf) { y.links = nil }},
		"a queue":        {y.days[100].String(), func(y *yearOf) { y.queues[y.days[100]] = nil }},
		"an older queue": {y.links[0].Date.String(), func(y *yearOf) { y.queues[y.links[0].Date] = y.queues[y.days[8000]] }},
		"a forged link": {middle.Date.String(), func(y *yearOf) {
			payload, err := replica.PayloadOf(middle.Envelope)
			if err != nil {
				t.Fatal(err)
			}
			if y.links[400].Envelope, err = forger.Sign(wire.LinkType, payload); err != nil {
				t.Fatal(err)
			}
		}},
		"the head": {y.links[len(y.links)-1].Date.String(),
			func(y *yearOf) { y.head.Until = schedules.At(y.head.Until.Add(time.Hour)) }},
		"the last links, and the head moved back": {y.links[len(y.links)-4].Date.String(), func(y *yearOf) {
			y.links = y.links[:len(y.links)-3]
			last := y.links[len(y.links)-1]
			l, err := record.OpenLink(last.Envelope)
			if err != nil {
				t.Fatal(err)
			}
			y.head.Number, y.head.SHA256 = last.Number, hashchain.Hash(last.Envelope)
			if l.Kind == wire.LinkAsRun && !l.Late {
				y.head.Until = l.To
			} else {
				y.head.Until = lastUntil(t, y.links)
			}
		}},
	} {
		changed := *y
		changed.links, changed.records, changed.queues = slices.Clone(y.links), slices.Clone(y.records), maps.Clone(y.queues)
		c.change(&changed)
		if got := changed.verify(t, seen); !slices.Contains(got, c.day) {
			t.Errorf("%s: found on %v, want %s", name, got, c.day)
		}
	}
}

func lastUntil(t *testing.T, links []hashchain.Stored) schedules.Instant {
	t.Helper()
	for _, stored := range slices.Backward(links) {
		l, err := record.OpenLink(stored.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		if l.Kind == wire.LinkAsRun && !l.Late {
			return l.To
		}
	}
	return schedules.Instant{}
}

// Of two publications at once one is second, and its link follows the other's.
func TestChainHasNoForkUnderConcurrentPublications(t *testing.T) {
	docs := memory.New(100)
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	s := scheduling.New(m, record.NewRecords(m, docs, nil, time.Now, 0), servicetest.Signer{}, time.Now, "http://x",
		time.Minute)
	const writers, each = 8, 20
	var g errgroup.Group
	for w := range writers {
		g.Go(func() error {
			for n := 0; n < each; {
				writes, err := s.Record.Links.Writes(t.Context(), wire.Link{Station: "relay", Kind: wire.LinkQueue,
					Date: schedules.Date{Year: 2025, Month: 1, Day: 1 + w}, Revision: int64(n)})
				if err != nil {
					return err
				}
				err = m.Commit(t.Context(), store.Commit{Writes: writes, Origin: access.System.Origin(time.Now(), "test", "")})
				if err != nil && !errors.Is(err, replica.ErrRace) {
					return err
				}
				if err == nil {
					n++
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	previous, number := "", int64(0)
	for stored, err := range chainOf(docs).Links(t.Context(), "relay") {
		if err != nil {
			t.Fatal(err)
		}
		l, err := record.OpenLink(stored.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		number++
		if l.Number != number || stored.Number != number || l.Previous != previous {
			t.Fatalf("link %d follows %q, not %q", l.Number, l.Previous, previous)
		}
		previous = hashchain.Hash(stored.Envelope)
	}
	if head, err := chainOf(docs).Head(t.Context(), "relay"); err != nil || head.Number != number ||
		head.SHA256 != previous || number != writers*each {
		t.Errorf("%d links, head %+v, %v", number, head, err)
	}
}
