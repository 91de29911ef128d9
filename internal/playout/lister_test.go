package playout

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// newGuest returns a station whose day another program's player airs.
func newGuest(t *testing.T, s *service) *station {
	st := newStation(t, s)
	st.lists = filepath.Join(t.TempDir(), "lists")
	return st
}

// keep keeps the station's lists until stop is called.
func (st *station) keep() (p *Player, stop func()) {
	st.t.Helper()
	p, state := st.open()
	ctx, cancel := context.WithCancel(st.t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return p, func() {
		st.t.Helper()
		cancel()
		if err := <-done; err != nil {
			st.t.Error(err)
		}
		if err := state.Close(); err != nil {
			st.t.Error(err)
		}
	}
}

// line is a line of the list next.
type line struct {
	start, end time.Time
	name       string
	title      string
}

func (st *station) at(name string) string { return filepath.Join(st.lists, name) }

func (st *station) next() (lines []line) {
	st.t.Helper()
	b, err := os.ReadFile(st.at("next"))
	if err != nil {
		st.t.Fatal(err)
	}
	form := regexp.MustCompile(`^([0-9]{12,13}) ([0-9]{12,13}) ([0-9a-f]{64}-[0-9a-f]{16}) ([\pL\pM\p{Nd} ,.!?()-]*)$`)
	for text := range strings.Lines(string(b)) {
		m := form.FindStringSubmatch(strings.TrimSuffix(text, "\n"))
		if m == nil {
			st.t.Fatalf("next has the line %q", text)
		}
		at := func(ms string) time.Time {
			n, err := strconv.ParseInt(ms, 10, 64)
			if err != nil {
				st.t.Fatal(err)
			}
			return time.UnixMilli(n)
		}
		lines = append(lines, line{at(m[1]), at(m[2]), m[3], m[4]})
	}
	return lines
}

// of returns the line of a recording, and whether there is one.
func (st *station) of(it wire.QueueItem) (line, bool) {
	st.t.Helper()
	lines := st.next()
	i := slices.IndexFunc(lines, func(l line) bool { return strings.HasPrefix(l.name, it.Audio.SHA256) })
	if i < 0 {
		return line{}, false
	}
	return lines[i], true
}

func isThere(t *testing.T, name string) bool {
	t.Helper()
	_, err := os.Stat(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

// named returns how many of the lists of whole days name a recording.
func (st *station) named(it wire.QueueItem) (n int) {
	st.t.Helper()
	files, err := filepath.Glob(st.at("*.*"))
	if err != nil || len(files) == 0 {
		st.t.Fatalf("there are no lists of days: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			st.t.Fatal(err)
		}
		if bytes.Contains(b, []byte(it.Audio.SHA256+".mp3")) {
			n++
		}
	}
	return n
}

func sound(t *testing.T, file string) (out [][2]int16) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for b = b[headerBytes:]; len(b) >= frameBytes; b = b[frameBytes:] {
		out = append(out, [2]int16{int16(binary.LittleEndian.Uint16(b)), int16(binary.LittleEndian.Uint16(b[2:]))})
	}
	return out
}

func flip(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		b[len(b)/2] ^= 1
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOtherPlayersHaveAFileOfEachItemThatSoundsAsThePlayerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(30 * time.Second).Truncate(time.Second)
		recs := []recording{rec(1, 12.345), rec(2, 7.655), rec(3, 40)}
		var items []wire.QueueItem
		for _, r := range recs {
			items = append(items, s.record(r))
		}
		s.publish(day("lantern", 1, start, time.Minute, items))
		s.recall(1)
		st := newGuest(t, s)
		p, stop := st.keep()
		defer stop()
		time.Sleep(20 * time.Second)
		at := start
		lines := st.next()
		if len(lines) != len(recs) {
			t.Fatalf("next has %v", lines)
		}
		for i, r := range recs {
			l := lines[i]
			if !l.start.Equal(at) || !l.end.Equal(at.Add(r.length())) || !strings.HasPrefix(l.name, items[i].Audio.SHA256) ||
				l.title != fmt.Sprintf("segment-%d", r.Number) {
				t.Errorf("line %d is %+v", i, l)
			}
			heard := sound(t, st.at("air/"+l.name+".wav"))
			if int64(len(heard)) != r.Frames {
				t.Fatalf("file %d has %d frames, not %d", i, len(heard), r.Frames)
			}
			expectSound(t, heard, 0, r.Frames, r, 0)
			if st.named(items[i]) != 3 {
				t.Errorf("item %d is in %d lists of its day", i, st.named(items[i]))
			}
			at = l.end
		}
		if w := p.Watch(); w.Lists == nil || w.Lists.Turns != 3 || !w.Lists.Until.Equal(at) || w.AudioMissing != 0 {
			t.Errorf("the status is %+v", w.Lists)
		}
	})
}

// Texts of a queue that was signed with a stolen key reach no path, and no line but their own.
func TestHostileTitlesAndIDsAreNeitherPathsNorDirectives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(30 * time.Second).Truncate(time.Second)
		var items []wire.QueueItem
		for i, text := range []string{"../../../../tmp/x", "a\nfile '/etc/passwd'\ninpoint 0",
			"b\r#EXTINF:1,c\nhttp://evil.example/",
			`d" annotate:liq_cue_in="0":/etc/passwd`, "#{process.run(\"id\")}", "'; file http://evil.example/; '", "\u2028e\x00f\x1b[2J",
			"$(id) `id` ; id | id & id", "file:///etc/passwd", "concat:/etc/passwd|x", "\xff\xfe", strings.Repeat("어머니", 200)} {
			it := s.record(rec(i+1, 5))
			it.ID, it.Title, it.Voice, it.Position, it.Language = fmt.Sprint(i, text), text, text, text, text
			it.SegmentID, it.Kind = fmt.Sprint(text, i), schedules.Kind(text)
			items = append(items, it)
		}
		s.publish(day("lantern", 1, start, time.Minute, items, items...))
		s.recall(1)
		st := newGuest(t, s)
		_, stop := st.keep()
		defer stop()
		time.Sleep(20 * time.Second)
		if lines := st.next(); len(lines) != len(items) {
			t.Errorf("%d of %d items are listed", len(lines), len(items))
		}
		recording := regexp.QuoteMeta(st.lists) + `/audio/[0-9a-f]{64}\.mp3`
		forms := map[string]*regexp.Regexp{
			".m3u": regexp.MustCompile(`^(#EXTM3U|#PLAYLIST:[^\pC]*|#EXTINF:5,[^\pC]*|` + recording + `)$`),
			".liq": regexp.MustCompile(`^annotate:([a-z0-9_]+="([^"\\\pC]|\\["\\])*",?)+:` + recording + `$`),
			".ffconcat": regexp.MustCompile(`^(ffconcat version 1.0|# [^\pC]*|file '` + recording +
				`'|(inpoint|outpoint|duration) [0-9.]+)$`),
		}
		lists := 0
		if err := filepath.WalkDir(st.lists, func(name string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			form := forms[filepath.Ext(name)]
			if form == nil {
				if !regexp.MustCompile(`/(next|audio/[0-9a-f]{64}\.mp3|air/[0-9a-f]{64}-[0-9a-f]{16}\.wav)$`).MatchString(name) {
					t.Errorf("there is a file %q", name)
				}
				return nil
			}
			b, err := os.ReadFile(name)
			for text := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
				if !form.MatchString(text) || filepath.Ext(name) == ".liq" && strings.Contains(text, "#{") {
					t.Errorf("%s has the line %q", filepath.Base(name), text)
				}
			}
			lists++
			return err
		}); err != nil || lists != 6 {
			t.Errorf("%d lists, %v", lists, err)
		}
	})
}

func TestRecalledItemLosesItsFilesAtOnceAndTheFallbackStandsInItsPlace(t *testing.T) {
	for name, during := range map[string]time.Duration{"to come": 20 * time.Second, "on the air": 35 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				begun := time.Now().Truncate(time.Second)
				start := begun.Add(30 * time.Second)
				items := []wire.QueueItem{s.record(rec(1, 30)), s.record(rec(2, 30))}
				spare := s.record(rec(7, 10))
				s.publish(day("lantern", 1, start, time.Minute, items, spare))
				s.recall(1)
				st := newGuest(t, s)
				_, stop := st.keep()
				defer stop()
				time.Sleep(time.Until(begun.Add(during)))
				before, there := st.of(items[0])
				if !there || st.named(items[0]) != 3 {
					t.Fatalf("the item is not listed: %v", st.next())
				}
				s.recall(2, "segment-1")
				time.Sleep(time.Second)
				if _, still := st.of(items[0]); still || st.named(items[0]) != 0 {
					t.Error("a list names it")
				}
				for _, file := range []string{st.at("air/" + before.name + ".wav"),
					st.at("audio/" + items[0].Audio.SHA256 + ".mp3"), filepath.Join(st.dir, recordingName(items[0].Audio.SHA256))} {
					if isThere(t, file) {
						t.Errorf("%s is there", file)
					}
				}
				time.Sleep(time.Until(begun.Add(48 * time.Second)))
				now := time.Now()
				lines := st.next()
				if len(lines) < 2 || !strings.HasPrefix(lines[0].name, spare.Audio.SHA256) || lines[0].start.After(now) ||
					!lines[0].end.After(now) {
					t.Errorf("at %v next is %+v", now, lines)
				}
			})
		})
	}
}

func TestSensitiveItemHasAFileOnlyWhileItsLeaseLasts(t *testing.T) {
	for name, lent := range map[string]bool{"with a lease": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				start := time.Now().Add(90 * time.Second).Truncate(time.Second)
				it, spare := s.record(rec(90, 30)), s.record(rec(7, 30))
				it.Sensitive = true
				s.publish(day("lantern", 1, start, time.Minute, []wire.QueueItem{it}, spare))
				s.recall(1)
				lend(s, 5*time.Minute, "segment-90")
				fault := s.fault
				withheld := time.Now().Add(20 * time.Second)
				if !lent {
					lend(s, 40*time.Second, "segment-90")
					fault = s.fault
					s.fault = func(w http.ResponseWriter, r *http.Request) bool {
						if strings.HasSuffix(r.URL.Path, "/lease.dsse") && time.Now().After(withheld) {
							problemOf(w, http.StatusServiceUnavailable)
							return true
						}
						return fault(w, r)
					}
				}
				st := newGuest(t, s)
				_, stop := st.keep()
				defer stop()
				time.Sleep(time.Until(start.Add(time.Second)))
				_, there := st.of(it)
				files, err := filepath.Glob(st.at("air/" + it.Audio.SHA256 + "*"))
				if err != nil || there != lent || (len(files) == 1) != lent {
					t.Errorf("listed %v, files %v, %v", there, files, err)
				}
				if _, instead := st.of(spare); instead == lent && !lent {
					t.Errorf("nothing stands in its place: %v", st.next())
				}
				if st.named(it) != 0 {
					t.Error("a list of a whole day names it")
				}
			})
		})
	}
}

func TestChangeOnTheDiskIsFoundBeforeTheItemStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(time.Minute).Truncate(time.Second)
		first, r := rec(1, 10), rec(2, 20)
		items := []wire.QueueItem{s.record(first), s.record(r)}
		s.publish(day("lantern", 1, start, time.Minute, items))
		s.recall(1)
		st := newGuest(t, s)
		p, stop := st.keep()
		defer stop()
		time.Sleep(15 * time.Second)
		for i := range items {
			l, _ := st.of(items[i])
			flip(t, st.at("air/"+l.name+".wav"))
			flip(t, filepath.Join(st.dir, recordingName(items[i].Audio.SHA256)))
		}
		time.Sleep(time.Until(start.Add(time.Second)))
		for i, r := range []recording{first, r} {
			l, there := st.of(items[i])
			if !there {
				t.Fatalf("item %d is not listed: %v, %v", i, st.next(), p.problems.List())
			}
			expectSound(t, sound(t, st.at("air/"+l.name+".wav")), 0, r.Frames, r, 0)
			if b, err := os.ReadFile(st.at("audio/" + items[i].Audio.SHA256 + ".mp3")); err != nil || !bytes.Equal(b,
				s.audio[items[i].Audio.SHA256]) {
				t.Errorf("the recording of item %d is %q, %v", i, b, err)
			}
		}
	})
}

func TestRestartInterruptsNothingAndTrustsNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(20 * time.Second).Truncate(time.Second)
		recs := []recording{rec(1, 60), rec(2, 4)}
		items := []wire.QueueItem{s.record(recs[0]), s.record(recs[1])}
		s.publish(day("lantern", 1, start, 64*time.Second, items))
		s.recall(1)
		st := newGuest(t, s)
		_, stop := st.keep()
		time.Sleep(time.Until(start.Add(57 * time.Second))) // the first is on the air, the second about to be
		before := st.next()
		stop()
		if !slices.Equal(st.next(), before) {
			t.Errorf("next was %v and is %v", before, st.next())
		}
		kept, err := os.Stat(st.at("air/" + before[0].name + ".wav"))
		if err != nil {
			t.Fatal(err)
		}
		flip(t, st.at("air/"+before[1].name+".wav"))
		if err := os.WriteFile(st.at("air/stray.wav"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, stop = st.keep()
		defer stop()
		time.Sleep(2 * time.Second)
		if !slices.Equal(st.next(), before) {
			t.Errorf("next was %v and is %v", before, st.next())
		}
		if now, err := os.Stat(st.at("air/" + before[0].name + ".wav")); err != nil || !os.SameFile(now, kept) {
			t.Errorf("the file on the air was replaced: %v", err)
		}
		expectSound(t, sound(t, st.at("air/"+before[1].name+".wav")), 0, recs[1].Frames, recs[1], 0)
		if isThere(t, st.at("air/stray.wav")) {
			t.Error("a file of unknown origin is there")
		}
	})
}

func TestListsAreInTheTimeOfTheMachineWhateverTheStationsTimeIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(3 * time.Minute).Truncate(time.Second)
		it := s.record(rec(1, 30))
		s.publish(day("lantern", 1, start, time.Minute, []wire.QueueItem{it}))
		s.recall(1)
		st := newGuest(t, s)
		st.step = 5 * time.Minute // the machine's clock is ahead
		_, stop := st.keep()
		defer stop()
		time.Sleep(90 * time.Second) // the fetcher looks once in a minute
		first, _ := st.of(it)
		if !first.start.Equal(start.Add(5 * time.Minute)) {
			t.Errorf("the item is due at %v by the machine's clock, not at %v", first.start, start.Add(5*time.Minute))
		}
		st.stepClock(-7 * time.Minute)
		time.Sleep(2 * time.Second)
		if l, _ := st.of(it); l.name != first.name || !l.start.Equal(start.Add(-2*time.Minute)) {
			t.Errorf("after a jump the line is %+v", l)
		}
	})
}

func TestFullDiskKeepsNoRecalledFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(30 * time.Second).Truncate(time.Second)
		it := s.record(rec(1, 30))
		s.publish(day("lantern", 1, start, time.Minute, []wire.QueueItem{it}))
		s.recall(1)
		st := newGuest(t, s)
		p, stop := st.keep()
		defer stop()
		time.Sleep(10 * time.Second)
		l, there := st.of(it)
		if !there {
			t.Fatal("the item is not listed")
		}
		if err := os.Remove(st.at("next")); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(st.at("next/in the way"), 0o700); err != nil { // no list can be written
			t.Fatal(err)
		}
		s.recall(2, "segment-1")
		time.Sleep(time.Second)
		if isThere(t, st.at("air/"+l.name+".wav")) || isThere(t, st.at("audio/"+it.Audio.SHA256+".mp3")) {
			t.Error("a recalled file is there")
		}
		if alarms := strings.Join(p.problems.Alarms(), "\n"); !strings.Contains(alarms, "the lists in "+st.lists+
			" cannot be written") {
			t.Errorf("the alarms are %q", alarms)
		}
		changed := p.problems.Alarmed()
		s.publish(day("lantern", 2, start, time.Minute, []wire.QueueItem{s.record(rec(2, 30))})) // other lists are written
		time.Sleep(time.Second)
		select {
		case <-changed:
			t.Error("the alarm ended while next could not be written")
		default:
		}
		if err := os.RemoveAll(st.at("next")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if lines := st.next(); len(lines) != 1 || len(p.problems.Alarms()) != 0 {
			t.Errorf("next has %v, and the alarms are %v", lines, p.problems.Alarms())
		}
	})
}

func TestTheDirectoriesOfAStationAreNotWritableForEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newGuest(t, newService(t))
		st.lists = t.TempDir()
		for _, dir := range []string{st.lists, st.dir} {
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o777)); err != nil {
				t.Fatal(err)
			}
		}
		_, state, err := st.tryOpen()
		if err != nil {
			t.Fatal(err)
		}
		defer state.Close()
		for _, dir := range []string{st.lists, state.Root.Name()} {
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o002 != 0 {
				t.Errorf("%s has the mode %v, %v", dir, info.Mode(), err)
			}
		}
	})
}

func TestListsLieOnlyWhereEveryPlayerCanNameThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []string{"a b", "it's", "a\nb", "a#b", "어", "a|b"} {
			st := newGuest(t, newService(t))
			st.lists = filepath.Join(t.TempDir(), name)
			p, state, err := st.tryOpen()
			if err == nil || !strings.Contains(err.Error(), "--lists") {
				t.Errorf("%q: %v, %v", name, p, err)
			}
			if isThere(t, st.lists) {
				t.Errorf("%q was made", name)
			}
			if err := state.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAFolderThatCannotHoldTheListsIsNamedWithItsFlag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newGuest(t, newService(t))
		if err := os.WriteFile(st.lists, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		want := "the lists that another player opens cannot be kept in \"" + st.lists + "\", which --lists names: "
		_, state, err := st.tryOpen()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatAiredWhileNobodyKeptTheListsIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(30 * time.Second).Truncate(time.Second)
		items := []wire.QueueItem{s.record(rec(1, 20)), s.record(rec(2, 20)), s.record(rec(3, 20))}
		s.publish(day("lantern", 1, start, time.Minute, items))
		s.recall(1)
		st := newGuest(t, s)
		_, stop := st.keep()
		time.Sleep(10 * time.Second)
		lines := st.next()
		stop()
		time.Sleep(5 * time.Minute)
		for i, l := range lines {
			report := fmt.Sprintf("%s %d %d aired\n", l.name, l.start.UnixMilli(), l.end.UnixMilli())
			if err := os.WriteFile(st.at(fmt.Sprintf("reports/%d", i)), []byte(report), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, stop = st.keep()
		time.Sleep(2 * time.Second)
		stop()
		if reported := outcomes(s.entries()); !slices.Equal(reported, []string{"item-1 segment-1 aired",
			"item-2 segment-2 aired", "item-3 segment-3 aired"}) {
			t.Errorf("reported %q", reported)
		}
	})
}

func TestWhatOtherPlayersReportIsSentOnceAndWhatTheyInventIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(30 * time.Second).Truncate(time.Second)
		items := []wire.QueueItem{s.record(rec(1, 20)), s.record(rec(2, 20)), s.record(rec(3, 20))}
		spare := s.record(rec(7, 20))
		delete(s.audio, items[1].Audio.SHA256)
		s.publish(day("lantern", 1, start, time.Minute, items, spare))
		s.recall(1)
		st := newGuest(t, s)
		_, stop := st.keep()
		ms := func(seconds int) int64 { return start.Add(time.Duration(seconds) * time.Second).UnixMilli() }
		report := func(file, format string, args ...any) {
			t.Helper()
			// The station reads the folder at the same time: a report is whole, and of this clock, when it is there.
			whole := st.lists + ".report"
			err := os.WriteFile(whole, fmt.Appendf(nil, format, args...), 0o600)
			if err == nil {
				err = os.Chtimes(whole, time.Now(), time.Now())
			}
			if err == nil {
				err = os.Rename(whole, st.at("reports/"+file))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Until(start.Add(55 * time.Second)))
		b, err := os.ReadFile(filepath.Join(st.dir, listedName))
		if err != nil {
			t.Fatal(err)
		}
		name := func(it wire.QueueItem) string {
			return regexp.MustCompile(it.Audio.SHA256 + "-[0-9a-f]{16}").FindString(string(b))
		}
		report("a", "%s %d %d aired by a\x1b[2J player\n", name(items[0]), ms(0), ms(20))
		report("b", "%s %d %d aired\n", name(spare), ms(20), ms(40))
		report("c", "%s %d %d cut\n", name(items[2]), ms(40), ms(50))
		report(".d", "%s %d %d aired\n", name(items[2]), ms(40), ms(50)) // not whole yet
		for i, bad := range []string{"", "x", name(items[2]) + " 1 2 aired",
			strings.Repeat("a", 64) + "-0123456789abcdef 1 2 aired",
			fmt.Sprintf("%s %d %d aired", name(items[2]), ms(50), ms(40)),
			fmt.Sprintf("%s %d %d aired", name(items[2]), ms(40), ms(999)),
			fmt.Sprintf("%s %d %d aired", name(items[2]), ms(40), ms(64)), // which is yet to come
			fmt.Sprintf("%s %d %d skipped", name(items[2]), ms(40), ms(50)), strings.Repeat("x", 1<<20)} {
			report(fmt.Sprint("bad-", i), "%s", bad)
		}
		if err := os.Symlink("/etc/passwd", st.at("reports/link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(st.at("reports/folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		stop()
		report("a", "%s %d %d aired by a\x1b[2J player\n", name(items[0]), ms(0), ms(20)) // after a crash it is there again
		s.setDown(true)
		_, stop = st.keep()
		report("e", "%s %d %d cut\n", name(items[2]), ms(50), ms(55))
		time.Sleep(2 * time.Second)
		report("e", "%s %d %d cut\n", name(items[2]), ms(50), ms(55))
		time.Sleep(2 * time.Second)
		s.setDown(false)
		time.Sleep(time.Minute)
		stop()
		got := outcomes(s.entries())
		want := []string{"item-2 segment-2 failed", "item-1 segment-1 aired", "item-2 segment-7 fallback",
			"item-3 segment-3 cut", "item-3 segment-3 cut"}
		if slices.Contains(got[len(want)-1:], "item-1 segment-1 aired") {
			want = append(want, "item-1 segment-1 aired") // it was acknowledged, and so is not known any more
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("reported %q, not %q", got, want)
		}
		left, err := os.ReadDir(st.at("reports"))
		if err != nil || len(left) != 1 || left[0].Name() != ".d" {
			t.Errorf("left are %v, %v", left, err)
		}
	})
}

// The lists follow the rules of the player: it airs the same items at the same times.
func TestListsNameWhatThePlayerWouldAir(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(40 * time.Second).Truncate(time.Second)
		var items []wire.QueueItem
		for n := range 9 {
			items = append(items, s.record(rec(n+1, float64(8+n))))
		}
		items[3].Chain, items[4].Chain, items[5].Chain = "c", "c", "c"
		soon := schedules.At(start.Add(20 * time.Second))
		items[6].NotAfter = soon
		spares := []wire.QueueItem{s.record(rec(70, 5)), s.record(rec(71, 9)), s.record(rec(72, 31))}
		for _, i := range []int{1, 5} {
			delete(s.audio, items[i].Audio.SHA256)
		}
		s.publish(day("lantern", 1, start, 150*time.Second, items, spares...))
		s.recall(1, "segment-8")
		st, player := newGuest(t, s), newStation(t, s)
		player.until = start.Add(150 * time.Second)
		_, stop := st.keep()
		aired := make(chan struct{})
		go func() { defer close(aired); player.run(t.Context()) }()
		seen := map[string]line{}
		for time.Now().Before(player.until) {
			time.Sleep(time.Second)
			for _, l := range st.next() {
				if !l.start.After(time.Now()) {
					seen[l.name] = l
				}
			}
		}
		<-aired
		stop()
		listed := map[string]bool{}
		for _, l := range seen {
			listed[fmt.Sprint(l.title, l.start.UTC(), l.end.UTC())] = true
		}
		n := 0
		for _, e := range player.notices {
			if e.Kind != ItemEnd || e.StartedAt.IsZero() {
				continue
			}
			n++
			at := fmt.Sprint(e.SegmentID, e.StartedAt.UTC(), e.EndedAt.UTC())
			if !listed[at] {
				t.Errorf("the player aired %s", at)
			}
			delete(listed, at)
		}
		if n != len(seen) || n < 8 {
			t.Errorf("the player aired %d items, and the lists had %d: %v", n, len(seen), listed)
		}
	})
}

func TestListsOfAStarvedStationFollowItsPolicy(t *testing.T) {
	for policy, airs := range map[schedules.StarvedPolicy]bool{schedules.GoOn: true, schedules.DropSensitive: false} {
		t.Run(string(policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				lend(s, time.Hour, "segment-94", "segment-99")
				leases := s.fault
				start := time.Now().Add(7 * time.Minute).Truncate(time.Second)
				it, spare := sensitive(s.record(rec(94, 15))), s.record(rec(11, 15))
				s.publish(day("lantern", 1, start, 30*time.Second, []wire.QueueItem{s.record(rec(1, 15)), it}, spare))
				s.setFallback(s.list(1, schedules.Starved{Policy: policy, After: schedules.Ms(300_000)}))
				s.recall(1)
				st := newGuest(t, s)
				_, stop := st.keep()
				defer stop()
				time.Sleep(time.Minute)
				s.starve(leases)
				time.Sleep(time.Until(start.Add(20 * time.Second)))
				_, there := st.of(it)
				_, instead := st.of(spare)
				if there != airs || instead == airs {
					t.Errorf("next is %+v", st.next())
				}
			})
		})
	}
}

func TestOnceEndsWhenEverythingIsThereAndSaysWhatIsMissing(t *testing.T) {
	for name, lacks := range map[string]bool{"all there": false, "a recording missing": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				start := time.Now().Add(30 * time.Second).Truncate(time.Second)
				items := []wire.QueueItem{s.record(rec(1, 20)), s.record(rec(2, 40))}
				if lacks {
					delete(s.audio, items[0].Audio.SHA256)
				}
				s.publish(day("lantern", 1, start, time.Minute, items, s.record(rec(7, 20))))
				s.recall(1)
				st := newGuest(t, s)
				st.once = true
				p, state := st.open()
				err := p.Run(t.Context())
				var missing Missing
				if errors.As(err, &missing) != lacks || err != nil && !lacks || lacks && missing != 1 {
					t.Errorf("it ends with %v", err)
				}
				if _, there := st.of(items[0]); there == lacks || len(st.next()) != 2 {
					t.Errorf("next is %+v", st.next())
				}
				if err := state.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
