package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestStrictDecodingNamesEveryWrongField(t *testing.T) {
	type inner struct {
		At     schedules.Millis  `json:"at_ms"`
		Until  schedules.Instant `json:"until"`
		Number *int              `json:"number"`
	}
	type outer struct {
		Name  string            `json:"name"`
		List  []inner           `json:"list"`
		Words map[string]string `json:"words"`
		Flag  bool              `json:"flag"`
		Keys  [][]byte          `json:"keys"`
		Codes [][]string        `json:"codes"`
		Notes []*string         `json:"notes"`
	}
	for _, c := range []struct {
		body   string
		fields []string
	}{
		{`{"name":"n","list":[{"at_ms":5,"until":null,"number":3}],"words":{"a":"b"},"flag":true}`, nil},
		{`{"name":5,"extra":1,"list":[{"at_ms":1.5},{"until":"noon","odd":true}],"flag":"yes"}`,
			[]string{"extra", "flag", "list[0].at_ms", "list[1].odd", "list[1].until", "name"}},
		{`{"name":null,"list":{},"words":[]}`, []string{"list", "name", "words"}},
		{`{"keys":["AA==",null],"codes":[null,["a",null]],"notes":[null],"list":[null]}`,
			[]string{"codes[0]", "codes[1][1]", "keys[1]", "list[0]"}},
		{`[]`, []string{"body"}},
		{`{"list":[{"number":"x"}]}`, []string{"list[0].number"}},
		{`{"name":"a","list":[{"number":1,"number":2}],"words":{"x":"a","x":"b"},"name":"a"}`,
			[]string{"name", "list[0].number", "words.x"}},
	} {
		var v outer
		err := decodeStrict([]byte(c.body), &v)
		var got []string
		for _, f := range fault.FieldsOf(err) {
			got = append(got, f.Field)
		}
		if d := cmp.Diff(c.fields, got); d != "" {
			t.Errorf("%s: %v\n%s", c.body, err, d)
		}
	}
}

func TestBrokenJSONIsToldApart(t *testing.T) {
	for _, body := range []string{``, `{`, `{"a":1} {"a":2}`, `nonsense`} {
		var v struct{}
		if err := decodeStrict([]byte(body), &v); !fault.Is(err, fault.Invalid) || fault.FieldsOf(err) != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestMergePatchWithANameTwiceIsRefused(t *testing.T) {
	m := wire.SegmentMeta{ID: "a", Title: "old"}
	err := mergeStrict([]byte(`{"title":"new","voice":"x","title":"newer"}`), &m)
	if f := fault.FieldsOf(err); len(f) != 1 || f[0].Field != "title" {
		t.Errorf("%v", err)
	}
}

func TestMergePatchKeepsWhatItLeavesOut(t *testing.T) {
	m := wire.SegmentMeta{ID: "a", Title: "old", Voice: "Hana", Tags: []string{"x"}}
	if err := mergeStrict([]byte(`{"title":"new","voice":null,"tags":["y","z"]}`), &m); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wire.SegmentMeta{ID: "a", Title: "new", Tags: []string{"y", "z"}, Persons: []string{}}, m); d != "" {
		t.Error(d)
	}
	if err := mergeStrict([]byte(`{"state":"approved"}`), &m); len(fault.FieldsOf(err)) != 1 {
		t.Errorf("a field that is the service's own: %v", err)
	}
}

func FuzzStrictDecodingNeverPanics(f *testing.F) {
	f.Add([]byte(`{"id":"s","windows":[{"id":"w","starts":{"timezone":"UTC","rrule":"x"},"length_ms":5}]}`))
	f.Add([]byte(`{"windows":[[]],"freeze_ms":1e400,"loudness_target_lufs":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s schedules.Station
		if decodeStrict(b, &s) == nil {
			s.Problems()
		}
	})
}

func TestFaultsOfABodyAreListedUpToABound(t *testing.T) {
	var v wire.Apply
	many := strings.Repeat(`{"windows":7},`, 900)
	err := decodeStrict([]byte(`{"stations":[`+strings.TrimSuffix(many, ",")+`]}`), &v)
	if fault.MoreOf(err) != 800 || len(fault.FieldsOf(err)) != 100 {
		t.Errorf("%d listed and %d more", len(fault.FieldsOf(err)), fault.MoreOf(err))
	}
	p := problemOf(withoutPrefix(joinFindings(err), "stations[0]."), "")
	if last := p.Errors[len(p.Errors)-1]; len(p.Errors) != 101 || last.Field != "" || last.Message != "and 800 more" ||
		!strings.HasSuffix(p.Detail, "(and 899 more)") {
		t.Errorf("%d errors: %+v; %s", len(p.Errors), last, p.Detail)
	}
}

func TestRefusalIsNoLongerThanItsBodyNeeds(t *testing.T) {
	long := strings.Repeat("\u20ac", 1_000_000)
	for _, body := range []string{`{"id":"` + long + `"}`, `{"` + long + `":1}`, `{"id":{"` + long + `":1}}`,
		`{"languages":["` + long + `"]}`, `{"windows":[{"id":"` + long + `","starts":{"rrule":"` + long + `"}}]}`} {
		var v schedules.Station
		err := joinFindings(decodeStrict([]byte(body), &v), fault.Fields(asFields(v.Problems())...))
		b, failed := json.Marshal(problemOf(err, ""))
		if failed != nil || len(b) > 20_000 {
			t.Errorf("%.30q: %d bytes: %.300s", body, len(b), b)
		}
	}
}

func asFields(problems []schedules.Problem) (out []fault.Field) {
	for _, p := range problems {
		out = append(out, fault.Field{Field: p.Field, Message: p.Message})
	}
	return out
}

// Each entry takes many times its length once it is decoded.
func TestListsAndTextsAreBoundedBeforeTheyAreDecoded(t *testing.T) {
	list := func(n int, entry string) string { return "[" + strings.Repeat(entry+",", n-1) + entry + "]" }
	for body, says := range map[string]string{
		`{"stations":` + list(1001, `{}`) + `}`:                             "stations has 1001 entries: at most 1000 are taken",
		`{"clocks":[{"positions":` + list(1001, `{}`) + `}]}`:               "clocks[0].positions has 1001 entries",
		`{"stations":[{"windows":[{"also_khz":` + list(1001, `1`) + `}]}]}`: "also_khz has 1001 entries",
		manyMembers(1001): "body has 1001 entries: at most 1000 are taken",
		`{"stations":[{"name":"` + strings.Repeat("x", 501) + `"}]}`:                  "is longer than 500 characters: it has 501",
		`{"stations":[{"name":"` + strings.Repeat(" ", 2000) + `"}]}`:                 "",
		`{"stations":[{"name":"` + strings.Repeat(" ", 2001) + `"}]}`:                 "is longer than 500 characters: it has 2001",
		`{"scripts":[{"versions":[{"passages":[{"text":` + passages(1001) + `}]}]}]}`: "text has 1001 entries",
	} {
		var v wire.Apply
		err := decodeStrict([]byte(body), &v)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.60q: %v", body, err)
		}
	}
}

// manyMembers is an object of n unknown members.
func manyMembers(n int) string {
	members := map[string]int{}
	for i := range n {
		members[fmt.Sprint("k", i)] = i
	}
	b, _ := json.Marshal(members)
	return string(b)
}

// passages is an object of n texts by language.
func passages(n int) string {
	texts := map[string]string{}
	for i := range n {
		texts[fmt.Sprintf("en-x-a%d", i)] = "text"
	}
	b, _ := json.Marshal(texts)
	return string(b)
}
