package httpapi

import (
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
	}
	for _, c := range []struct {
		body   string
		fields []string
	}{
		{`{"name":"n","list":[{"at_ms":5,"until":null,"number":3}],"words":{"a":"b"},"flag":true}`, nil},
		{`{"name":5,"extra":1,"list":[{"at_ms":1.5},{"until":"noon","odd":true}],"flag":"yes"}`,
			[]string{"extra", "flag", "list[0].at_ms", "list[1].odd", "list[1].until", "name"}},
		{`{"name":null,"list":{},"words":[]}`, []string{"list", "name", "words"}},
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

// A second document would be ignored silently, and the parser's time grows with the square of the depth of nested
// lists.
func TestYAMLBodyIsOneDocumentOfBoundedDepth(t *testing.T) {
	for body, says := range map[string]string{
		"---\nstations: []\n":                             "",
		"# both\n---\n# of them\nstations: []\n...\n":     "",
		"stations: []\n---\nclocks: []\n":                 "line 3 begins another",
		"stations: []\n...\nclocks: []\n":                 "line 3 begins another",
		"---\nstations: []\n---\n# nothing more\n---\n":   "",
		"stations: " + strings.Repeat("[", 50_000):        "line 1 of the body is nested in more than 100",
		"stations: " + strings.Repeat("{a: ", 20_000):     "line 1 of the body is nested in more than 100",
		"stations: [" + strings.Repeat("[], ", 200) + "]": "",
	} {
		_, err := yamlToJSON([]byte(body))
		if says == "" && err != nil || says != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.40q: %v", body, err)
		}
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
