package main

import (
	"math/rand/v2"
	"slices"
)

// The peers' algorithms, written anew from the behaviour of their public sources. Each gets the month gap by gap, as in
// its own software: posts at :00 and :30 are separate events.

// gap is the time between two posts.
type gap struct{ start, end int64 }

// gapsOn lists the 48 gaps of a day.
func gapsOn(i int) []gap {
	begin := midnight(firstDay.AddDays(i)).UnixMilli()
	var out []gap
	for h := range int64(24) {
		at := begin + h*hour
		out = append(out, gap{at + topPost, at + hour/2}, gap{at + hour/2 + halfPost, at + hour})
	}
	return out
}

// track is a segment as the peers see it.
type track struct {
	id, series string
	ms         int64
	from, till int64 // validity; 0: open
	daytime    bool
}

func tracks(in instance) []track {
	var out []track
	for _, s := range in.segments {
		if s.Kind != "testimony" {
			continue
		}
		t := track{id: s.ID, series: s.Series, ms: s.Recording.AirTime().Milliseconds(), daytime: slices.Contains(s.Tags,
			"daytime")}
		if !s.ValidFrom.IsZero() {
			t.from, t.till = s.ValidFrom.UnixMilli(), s.ValidUntil.UnixMilli()
		}
		out = append(out, t)
	}
	return out
}

// libreTime is the dynamic smart block with a time limit, random order, no overflow and no repeats: it adds files in
// random order as long as they fit, and tries 500 at most (Block::getListOfFilesUnderLimit).
func libreTime(in instance) ([]day, error) {
	rng := rand.New(rand.NewPCG(in.input.Seed, 2))
	list := tracks(in)
	var out []day
	for i := range in.days {
		watch := startWatch()
		var d day
		for _, g := range gapsOn(i) {
			rng.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
			at := g.start
			for n, t := range list {
				if n > 500 {
					break
				}
				if at+t.ms <= g.end {
					d.plays = append(d.plays, play{t.id, at, at + t.ms})
					at += t.ms
				}
			}
			d.gaps = append(d.gaps, at-g.end)
		}
		d.took, d.cpu = watch.stop()
		out = append(out, d)
	}
	return out, nil
}

// azuraCast draws track by track: the first track of a shuffled playlist that duplicate prevention allows (not the same
// song; not the same artist within two hours). A playlist that was played completely is shuffled again. Dates and hours
// are those of the playlist, and respected. A post is a playlist once an hour at its minute: it waits for the track on
// air, and is dropped if that track ends more than 15 minutes late (Queue::shouldPlaylistPlayNowPerHour).
func azuraCast(in instance) ([]day, error) {
	const prevention, grace = 2 * hour, 15 * 60_000
	rng := rand.New(rand.NewPCG(in.input.Seed, 3))
	list := tracks(in)
	var queue []int
	type past struct {
		track int
		at    int64
	}
	var recent []past
	next := func(at int64) int {
		for len(recent) > 0 && recent[0].at < at-prevention {
			recent = recent[1:]
		}
		if len(queue) < 10 {
			queue = append(queue, rng.Perm(len(list))...)
		}
		open := func(t *track) bool {
			h := at / hour % 24
			return (t.from == 0 || t.from <= at && at < t.till) && (!t.daytime || h >= 6 && h < 22)
		}
		pick := -1
		for pass := range 3 { // first neither same song nor artist, then not the same song, then any
			for k, q := range queue {
				t := &list[q]
				clash := slices.ContainsFunc(recent, func(p past) bool {
					return pass < 2 && p.track == q || pass < 1 && list[p.track].series == t.series
				})
				if open(t) && !clash {
					pick = k
					break
				}
			}
			if pick >= 0 {
				break
			}
		}
		q := queue[max(pick, 0)]
		queue = slices.Delete(queue, max(pick, 0), max(pick, 0)+1)
		recent = append(recent, past{q, at})
		return q
	}
	at := midnight(firstDay).UnixMilli()
	post := at
	var out []day
	for i := range in.days {
		end := midnight(firstDay.AddDays(i + 1)).UnixMilli()
		watch := startWatch()
		var d day
		for at < end {
			if at >= post {
				late := at - post
				d.gaps = append(d.gaps, late)
				if late <= grace {
					if post%hour == 0 {
						at += topPost
					} else {
						at += halfPost
					}
					d.late = max(d.late, late)
				} else {
					d.lost++
				}
				post += hour / 2
				continue
			}
			q := next(at)
			d.plays = append(d.plays, play{list[q].id, at, at + list[q].ms})
			at += list[q].ms
		}
		d.took, d.cpu = watch.stop()
		out = append(out, d)
	}
	return out, nil
}

// rivendell is the scheduler event: it draws at random from the group's carts, without the last titles and artists, as
// many events per clock as fit its time by their mean length. With fill, the event's autofill then adds the longest
// fill cart that fits, until none does; the fill carts are the library's shortest tenth.
func rivendell(fill bool) func(in instance) ([]day, error) {
	return func(in instance) ([]day, error) {
		rng := rand.New(rand.NewPCG(in.input.Seed, 4))
		list := tracks(in)
		var mean int64
		for _, t := range list {
			mean += t.ms / int64(len(list))
		}
		short := slices.Clone(list)
		slices.SortFunc(short, func(a, b track) int { return int(b.ms - a.ms) })
		short = short[len(short)*9/10:]
		const titles, artists = 32, 8 // about four hours and one hour of plays
		var stack []int
		pick := func() int {
			barred := map[string]bool{}
			songs := map[int]bool{}
			for k, q := range stack {
				if age := len(stack) - k; age <= titles {
					songs[q] = true
					if age <= artists {
						barred[list[q].series] = true
					}
				}
			}
			var open []int
			for q := range list {
				if !songs[q] && !barred[list[q].series] {
					open = append(open, q)
				}
			}
			if len(open) == 0 {
				return rng.IntN(len(list))
			}
			return open[rng.IntN(len(open))]
		}
		var out []day
		for i := range in.days {
			watch := startWatch()
			var d day
			for _, g := range gapsOn(i) {
				at := g.start
				for range (g.end - g.start) / mean {
					q := pick()
					if stack = append(stack, q); len(stack) > titles {
						stack = stack[1:]
					}
					d.plays = append(d.plays, play{list[q].id, at, at + list[q].ms})
					at += list[q].ms
				}
				if fill {
					for _, t := range short {
						if at+t.ms <= g.end {
							d.plays = append(d.plays, play{t.id, at, at + t.ms})
							at += t.ms
						}
					}
				}
				d.gaps = append(d.gaps, at-g.end)
			}
			d.took, d.cpu = watch.stop()
			out = append(out, d)
		}
		return out, nil
	}
}
