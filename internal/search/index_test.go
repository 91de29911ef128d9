package search

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// thing is a test entry.
type thing struct {
	text string
	tags []string
	ends time.Time
}

func (t thing) terms() Terms {
	out := Terms{Ends: t.ends}
	for _, w := range Words(t.text) {
		out.Of = append(out.Of, Term{Word, w})
	}
	for _, v := range t.tags {
		out.Of = append(out.Of, Term{1, v})
	}
	out.Sort()
	return out
}

// says is the reference implementation: it reports whether a text satisfies a query. Each word of the query must be a
// prefix of a word of the text; text without spaces must contain the query's as a part.
func says(text, query string) bool {
	folded := func(s string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s))) }
	unbroken := func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, unicode.Thai)
	}
	pieces := func(s string, of func(rune) bool) []string {
		return strings.FieldsFunc(folded(s), func(r rune) bool { return !of(r) })
	}
	wordly := func(r rune) bool { return (unicode.IsLetter(r) || unicode.IsNumber(r)) && !unbroken(r) }
	has := func(of func(rune) bool, match func(have, want string) bool) bool {
		for _, want := range pieces(query, of) {
			if !slices.ContainsFunc(pieces(text, of), func(have string) bool { return match(have, want) }) {
				return false
			}
		}
		return true
	}
	return has(wordly, strings.HasPrefix) && has(unbroken, strings.Contains)
}

// letters produce words that are often similar, in several scripts, forms and widths.
var letters = []rune("aAbｂ1２ßéжЖслﬁあカｶ東京川川강가겨ไทย -._")

func texts() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom(letters), 0, 12, -1)
}

func queries() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom(letters), 0, 4, -1)
}

// The index returns the same things as a full scan, in the same order, from any cursor, after any insertions, changes
// and removals.
func TestIndexFindsWhatALookAtEverythingFinds(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ids := rapid.StringOfN(rapid.SampledFrom([]rune("ab.")), 1, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		x, things, numbers := NewIndex(2), map[string]thing{}, map[string]uint32{}
		steps := map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				now := thing{texts().Draw(t, "text"), rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3).Draw(t,
					"tags"), time.Time{}}
				if days := rapid.IntRange(0, 5).Draw(t, "days"); days > 0 {
					now.ends = start.AddDate(0, 0, days)
				}
				var before Terms
				if old, known := things[id]; known {
					before = old.terms()
				}
				numbers[id] = x.Put(id, before, now.terms())
				things[id] = now
			},
			"remove": func(t *rapid.T) {
				if len(things) == 0 {
					t.Skip("nothing is there")
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(things))).Draw(t, "id")
				x.Remove(id, things[id].terms())
				delete(things, id)
				delete(numbers, id)
			},
			"": func(t *rapid.T) {
				query, after := queries().Draw(t, "query"), ids.Draw(t, "after")
				tag := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "tag")
				var before time.Time
				if days := rapid.IntRange(0, 6).Draw(t, "before"); days > 0 {
					before = start.AddDate(0, 0, days)
				}
				var want []string
				for _, id := range slices.Sorted(maps.Keys(things)) {
					g := things[id]
					if id > after && says(g.text, query) && (tag == "" || slices.Contains(g.tags, tag)) &&
						(before.IsZero() || !g.ends.IsZero() && g.ends.Before(before)) {
						want = append(want, id)
					}
				}
				w := Parse(query)
				q := Query{Prefixes: w.Prefixes, EndsBefore: before, After: after}
				for _, v := range w.Whole {
					q.Terms = append(q.Terms, Term{Word, v})
				}
				if tag != "" {
					q.Terms = append(q.Terms, Term{1, tag})
				}
				var got []string
				for n := range x.Find(q) {
					if id := x.ids[n]; w.In(things[id].text) {
						got = append(got, id)
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%q, tag %q, after %q, before %v: %q, want %q", query, tag, after, before, got, want)
				}
				for id, n := range numbers {
					if now, there := x.Number(id); !there || now != n {
						t.Fatalf("%q had number %d and now %d", id, n, now)
					}
				}
				if x.Len() != len(things) || x.Count(Term{1, "x"}) != len(slices.DeleteFunc(slices.Collect(maps.Values(things)),
					func(g thing) bool { return !slices.Contains(g.tags, "x") })) {
					t.Fatalf("%d things, of which %d have x", x.Len(), x.Count(Term{1, "x"}))
				}
			},
		}
		t.Repeat(steps)
	})
}

// Ids that are always inserted between the same two others exhaust the room between their ranks.
func TestOrderHoldsWhereverIdsCome(t *testing.T) {
	for name, id := range map[string]func(int) string{
		"first":    func(i int) string { return fmt.Sprintf("%05d", 99_999-i) },
		"last":     func(i int) string { return fmt.Sprintf("%05d", i) },
		"in front": func(i int) string { return fmt.Sprintf("m%05d", i) }, // of z
		"inwards": func(i int) string {
			if i%2 == 0 {
				return fmt.Sprintf("a%05d", i)
			}
			return fmt.Sprintf("b%05d", 99_999-i)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := NewIndex(1)
			for _, edge := range []string{"", "z"} {
				x.Put(edge, Terms{}, thing{text: "edge"}.terms())
			}
			want := []string{"", "z"}
			for i := range 5000 {
				text := "even"
				if i%2 > 0 {
					text = "odd"
				}
				x.Put(id(i), Terms{}, thing{text: text}.terms())
				want = append(want, id(i))
			}
			slices.Sort(want)
			var got, odd []string
			for n := range x.Find(Query{}) {
				got = append(got, x.ids[n])
			}
			for n := range x.Find(Query{Prefixes: []string{"o"}}) {
				odd = append(odd, x.ids[n])
			}
			if !slices.Equal(got, want) || len(odd) != 2500 || !slices.IsSorted(odd) {
				t.Errorf("%d in order, %d odd ones in order: %v", len(got), len(odd), slices.IsSorted(odd))
			}
		})
	}
}

// A prefix of many words finds the same things as all of those words.
func TestManyWordsBeginAlike(t *testing.T) {
	x := NewIndex(1)
	for i := range 3000 {
		x.Put(fmt.Sprintf("%04d", i), Terms{}, thing{text: fmt.Sprintf("word%d rare%d", i%100, i)}.terms())
	}
	for prefix, want := range map[string]int{"word": 3000, "word1": 330, "word42": 30, "rare": 3000, "rare1": 1111,
		"rare2999": 1, "other": 0} {
		found := slices.Collect(x.Find(Query{Prefixes: []string{prefix}, After: "0002"}))
		all := slices.Collect(x.Find(Query{Prefixes: []string{prefix}}))
		if len(all) != want || !slices.IsSortedFunc(all, func(a, b uint32) int { return cmp.Compare(x.ids[a], x.ids[b]) }) ||
			!slices.Equal(found, slices.DeleteFunc(all, func(n uint32) bool { return x.ids[n] <= "0002" })) {
			t.Errorf("%s: %d, and %d after the third", prefix, len(all), len(found))
		}
	}
}

func TestWordsOfEveryScriptAreFound(t *testing.T) {
	for _, c := range []struct {
		text, query string
		found       bool
	}{
		{"reading-ko_2031.hana", "HANA 2031", true},
		{"Testimony of the river", "testi riv", true},
		{"Testimony of the river", "imony", false}, // words are found by prefix
		{"호소문을 읽기에 앞서", "호소문", true},
		{"생명줄방송", "줄방", true}, // Korean compounds grow without spaces
		{"생명줄방송", "줄 방", true},
		{"생명줄방송", "명방", false},
		{"방송 생명줄", "방송생", false}, // not across a space
		{"河流的声音", "流的声", true},
		{"河流流的声", "河的", false},
		{"ふるさとのラジオ", "ﾗｼﾞｵ", true}, // half width
		{"ニュースの時間", "ュース", true},
		{"ニュ・スの時間", "ニュース", false},
		{"ＷＡＶＥ①", "wave1", true},
		{"Straße", "STRASS", true},
		{"Письмо сестре", "пИСЬ", true},
		{"رسالة إلى النهر", "النه", true},
		{"แม่น้ำ", "น้ำ", true},
		{"caf\u00e9", "cafe\u0301", true},
		{"हिन्दी", "हिन्", true},
		{"anything", " ", true},
	} {
		w, have := Parse(c.query), Words(c.text)
		found := w.In(c.text) && !w.Nothing
		for _, v := range w.Whole {
			found = found && slices.Contains(have, v)
		}
		for _, p := range w.Prefixes {
			found = found && slices.ContainsFunc(have, func(v string) bool { return strings.HasPrefix(v, p) })
		}
		if found != c.found {
			t.Errorf("%q in %q: %v (%+v in %q)", c.query, c.text, found, w, have)
		}
	}
	if !Parse("-- !").Nothing || Parse(" ").Nothing {
		t.Error("what has no words asks for nothing that can be found, and what has nothing for everything")
	}
}
