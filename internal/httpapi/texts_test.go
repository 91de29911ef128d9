package httpapi

import (
	"reflect"
	"strings"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// wordsOf returns a refusal's fields with their messages.
func wordsOf(err error) string {
	var b strings.Builder
	for _, f := range fault.FieldsOf(err) {
		b.WriteString(f.Field + " " + f.Message + "\n")
	}
	if b.Len() == 0 && err != nil {
		return err.Error()
	}
	return b.String()
}

func TestABodyThatIsNotUTF8IsRefusedByItsLine(t *testing.T) {
	korean := "\xc8\xa3\xbc\xd2\xb9\xae"
	var m wire.SegmentMeta
	for name, err := range map[string]error{
		"a value":      decodeStrict([]byte("{\n\"title\":\""+korean+"\"}"), &m),
		"a name":       decodeStrict([]byte("{\n\""+korean+"\":1}"), &m),
		"a patch":      mergeStrict([]byte("{\n\"title\":\""+korean+"\"}"), &m),
		"a patch null": mergeStrict([]byte("{\n\""+korean+"\":null}"), &m),
	} {
		if err == nil || !strings.Contains(err.Error(), "line 2") || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := decodeStrict([]byte(`{"title":"a\ud800b"}`), &m); !strings.Contains(wordsOf(err), "title holds U+FFFD") {
		t.Errorf("half a surrogate pair: %v", err)
	}
}

func TestControlAndBidirectionalCharactersAreRefusedInEveryField(t *testing.T) {
	for body, c := range map[string]struct {
		into  any
		field string
	}{
		`{"title":"a\nhttp://evil.example/x.mp3"}`: {&wire.SegmentMeta{},
			"title"},
		`{"title":"\u001b]52;c;cm0=\u0007 ok"}`: {&wire.SegmentMeta{},
			"title"},
		`{"title":"a\u2028b\u202eexe"}`: {&wire.SegmentMeta{},
			"title"},
		`{"voice":"Ha\u0000na"}`: {&wire.SegmentMeta{},
			"voice"},
		`{"consent":{"reference":"a\u0007"}}`: {&wire.SegmentMeta{},
			"consent.reference"},
		`{"reason":"because\u202e"}`: {&wire.Reason{},
			"reason"},
		`{"name":"Lan\u001btern"}`: {&schedules.Station{},
			"name"},
		`{"player_version":"1.0\u001b[31m"}`: {&wire.Status{},
			"player_version"},
		`{"problems":["ok","a\u001bb"]}`: {&wire.Status{},
			"problems[1]"},
		`{"correction":"\u0001"}`: {&wire.PublishRequest{},
			"correction"},
		`{"entries":[{"item_id":"\u009b"}]}`: {&wire.AsRunReport{},
			"entries[0].item_id"},
		`{"versions":[{"passages":[{"text":{"ko-KP":"\u0000"}}]}]}`: {&schedules.Script{},
			`versions[0].passages[0].text["ko-KP"]`},
		`{"rules":[{"of":{"voice":"\u202e"}}]}`: {&schedules.Clock{},
			"rules[0].of"},
		`{"positions":[{"pick":{"voice":"\u202e"}}]}`: {&schedules.Clock{},
			"positions[0].pick.voice"},
		`{"voice":"` + strings.Repeat("가", 501) + `"}`: {&wire.SegmentMeta{},
			"voice"},
		`{"voice":"` + strings.Repeat("a", 100_000) + `"}`: {&wire.SegmentMeta{},
			"voice"},
		`{"versions":[{"passages":[{"text":{"en":"` + strings.Repeat("a", 20_001) + `"}}]}]}`: {&schedules.Script{},
			`versions[0].passages[0].text["en"]`},
		`{"windows":[{"starts":{"rrule":"` + strings.Repeat("a", 20_001) + `","timezone":"UTC"}}]}`: {&schedules.Station{},
			"windows[0].starts.rrule"},
	} {
		if err := decodeStrict([]byte(body), c.into); !strings.HasPrefix(wordsOf(err), c.field+" ") {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestTextsFromOutsideAreKeptInOneForm(t *testing.T) {
	var m wire.SegmentMeta
	if err := decodeStrict(
		[]byte(`{"title":" \u1112\u1161\u1102\u1161  편지 ","voice":"\u1112\u1161\u1102\u1161 ","series":"Winter","tags":["\u110B\u1175\u1105\u1173\u11B7","Full"],"persons":["P17"],"language":"KO-kp"}`), &m); err != nil {
		t.Fatal(err)
	}
	want := wire.SegmentMeta{Title: "하나 편지", Voice: "하나", Series: "winter", Tags: []string{"이름", "full"},
		Persons: []string{"p17"}, Language: "ko-KP"}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("%+v", m)
	}
	var c schedules.Clock
	if err := decodeStrict(
		[]byte(`{"rules":[{"of":{"tag":"Full","language":"KOR","voice":" \u1112\u1161\u1102\u1161"}}],"positions":[{"pick":{"tags":["Full"],"language":"ko_kp"}}]}`), &c); err != nil {
		t.Fatal(err)
	}
	if got := c.Rules[0].Of.Match; got["tag"] != "full" || got["language"] != "ko" || got["voice"] != "하나" {
		t.Errorf("%v", got)
	}
	if got := c.Positions[0].Pick; got.Language != "ko-KP" || got.Tags[0] != "full" {
		t.Errorf("%+v", got)
	}
	var s wire.Status
	if err := decodeStrict([]byte(`{"problems":["one\ntwo"]}`), &s); err != nil || s.Problems[0] != "one two" {
		t.Errorf("%v, %v", s.Problems, err)
	}
	var p schedules.Script
	if err := decodeStrict([]byte(`{"languages":["KO-kp"],"versions":[{"passages":[{"text":{"ko_KP":"one\r\ntwo"}}]}]}`),
		&p); err != nil || p.Versions[0].Passages[0].Text["ko-KP"] != "one\ntwo" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestALanguageThatIsNoTagIsRefusedWithTheTag(t *testing.T) {
	var m wire.SegmentMeta
	if words := wordsOf(decodeStrict([]byte(`{"language":"Korean"}`), &m)); !strings.Contains(words,
		`language "Korean" is the name of a language: write its tag, "ko"`) {
		t.Error(words)
	}
	var s schedules.Station
	if words := wordsOf(decodeStrict([]byte(`{"languages":["ko-KP","xx"]}`), &s)); !strings.HasPrefix(words,
		"languages[1] ") {
		t.Error(words)
	}
}

func TestEveryTextOfARequestHasALimitInTheDocument(t *testing.T) {
	f, err := facts()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []reflect.Type{reflect.TypeFor[wire.SegmentMeta](), reflect.TypeFor[wire.Reason](),
		reflect.TypeFor[wire.Status](), reflect.TypeFor[wire.AsRunReport](),
		reflect.TypeFor[wire.Apply](), reflect.TypeFor[wire.Webhook](), reflect.TypeFor[wire.NewToken](),
		reflect.TypeFor[wire.PublishRequest](), reflect.TypeFor[wire.EditRequest]()} {
		m := openapi.NewMaker(f)
		m.Of(r, openapi.Request)
		for name, s := range m.Schemas() {
			for _, p := range s.Properties {
				for _, part := range []*openapi.Schema{p.Schema, p.Schema.Items, p.Schema.Additional} {
					if part != nil && part.Ref == "" && len(part.Type) > 0 && part.Type[0] == "string" && part.Format == "" &&
						part.Pattern == "" && part.Enum == nil && part.MaxLength == nil {
						t.Errorf("%s.%s has no limit", name, p.Name)
					}
				}
			}
		}
	}
}

func TestAQueryThatIsNotUTF8IsRefused(t *testing.T) {
	if _, err := asked("q=%bc%d2"); !strings.Contains(wordsOf(err), "q is not UTF-8") {
		t.Errorf("%v", err)
	}
	if _, err := asked("q=%zz"); err == nil {
		t.Error("a broken escape is taken")
	}
	if q, err := asked("q=%E1%84%92%E1%85%A1%E1%84%82%E1%85%A1+&after=%00"); err != nil || q.Get("q") != "하나" ||
		q.Get("after") != "\x00" {
		t.Errorf("%q, %v", q, err)
	}
}
