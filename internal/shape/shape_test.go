package shape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A second document would be ignored silently, and the parser's time grows with the square of the depth of nested
// lists.
func TestYAMLIsOneDocumentOfBoundedDepthAndSize(t *testing.T) {
	ordinary := "stations:\n  - id: a\n    languages: [ko, en]\n    windows:\n" + strings.Repeat(
		"      - id: w # a window\n        starts: {timezone: UTC, rrule: \"[[[\"}\n        text: |\n          - - - -\n", 500)
	keys := ""
	for n := range 1001 {
		keys += fmt.Sprintf("k%d: a\n", n)
	}
	deep := ""
	for n := range 40 {
		deep += strings.Repeat(" ", n) + "a:\n"
	}
	for body, says := range map[string]string{
		"---\nstations: []\n":                               "",
		"# both\n---\n# of them\nstations: []\n...\n":       "",
		"stations: []\n---\nclocks: []\n":                   "line 3 begins another",
		"stations: []\n...\nclocks: []\n":                   "line 3 begins another",
		"---\nstations: []\n---\n# nothing more\n---\n":     "",
		"stations: &a []\nclocks: *a\n":                     "line 2 of the body uses a YAML alias",
		"stations: {<<: {}}\n":                              "uses a YAML alias",
		"stations: " + strings.Repeat("[", 50_000):          "line 1 of the body is nested in more than 32",
		"stations: " + strings.Repeat("{a: ", 10_000):       "line 1 of the body is nested in more than 32",
		"stations: [" + strings.Repeat("[], ", 200) + "]":   "",
		"\n" + strings.Repeat("- ", 10_000):                 "line 2 of the body is nested in more than 32",
		strings.Repeat("? ", 10_000):                        "line 1 of the body is nested in more than 32",
		strings.Repeat("!!a ", 10_000):                      "line 1 of the body is nested in more than 32",
		strings.Repeat("&a ", 10_000):                       "line 1 of the body is nested in more than 32",
		"a: " + strings.Repeat("[a]: ", 10_000):             "line 1 of the body is nested in more than 32",
		strings.Repeat("[", 100_000):                        "has about 100000 texts and marks of YAML: at most 60000",
		strings.Repeat("[", 200_000):                        "has about 200000 texts and marks of YAML",
		strings.Repeat("a", MaxYAML+1):                      "the body is YAML of 524289 bytes: at most 524288",
		"a: " + strings.Repeat("a", MaxYAML-3):              "",
		ordinary:                                            "",
		keys:                                                "line 1001 of the body has one key more than the 1000",
		"a: {" + strings.ReplaceAll(keys, "\n", ", ") + "}": "line 1 of the body has one key more than the 1000",
		deep: "line 33 of the body is nested in more than 32",
	} {
		err := YAML([]byte(body))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.40q: %v", body, err)
		}
	}
}

func TestJSONIsOfBoundedDepthAndNumberOfValues(t *testing.T) {
	for body, says := range map[string]string{
		"":                         "",
		`{"a":["[[[[","\\\"[[["]}`: "",
		strings.Repeat("[", 32) + strings.Repeat("]", 32):        "",
		"\n" + strings.Repeat("[", 33) + strings.Repeat("]", 33): "line 2 of the body is nested in more than 32",
		strings.Repeat("[", 5_000_000):                           "line 1 of the body is nested in more than 32",
		strings.Repeat(`{"a":`, 100_000):                         "line 1 of the body is nested in more than 32",
		"[" + strings.Repeat("0,", 4_000_000) + "0]":             "the body has about 4000002 values: at most 100000",
		`{"a":"` + strings.Repeat(`,[`, 1_000_000) + `"}`:        "",
		"[" + strings.Repeat("[],", 60_000) + "[]]":              "the body has about 120003 values",
		"[" + strings.Repeat("0,", 90_000) + "0]":                "",
		"]]]]" + strings.Repeat("[", 40):                         "nested in more than 32",
		`"`:                                                      "",
		`"\`:                                                     "",
	} {
		err := JSON([]byte(body))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.40q: %v", body, err)
		}
	}
}

func TestSplitGivesTheMembersAsTheyAreWritten(t *testing.T) {
	for body, want := range map[string]string{
		` [ 1 , "a,]" ,[2,{"b":3}] , null,-1.5e3 ]`: `1|"a,]"|[2,{"b":3}]|null|-1.5e3`,
		`{"a":1,"b\"}" : {"c":[]} , "a":true}`:      `"a"=1|"b\"}"={"c":[]}|"a"=true`,
		`[]`:                                        "", `{}`: "", ` { } `: "", `[[]]`: "[]", `[{}]`: "{}", "[\n1\n]": "1", `["\\"]`: `"\\"`, `[0]`: "0",
	} {
		var got []string
		for _, m := range Split([]byte(body)) {
			value := string(m.Value)
			if m.Name != nil {
				value = string(m.Name) + "=" + value
			}
			got = append(got, value)
		}
		if all := strings.Join(got, "|"); all != want {
			t.Errorf("%s: %s", body, all)
		}
	}
	for _, body := range []string{`1`, `"[]"`, `null`, ``, ` `} {
		if Split([]byte(body)) != nil {
			t.Errorf("%q was split", body)
		}
	}
}

// Split agrees with encoding/json about all documents that are valid.
func FuzzSplitAgreesWithTheStandardLibrary(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2,{"b":"\u00e4\\"}],"c":null}`, `[[],{},"",-0.1e+9]`, "[\t1 ,\r\n2]", `{"":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			Split(b) // it must end
			return
		}
		var list []json.RawMessage
		var object map[string]json.RawMessage
		got := Split(b)
		switch {
		case json.Unmarshal(b, &list) == nil && list != nil:
			if len(got) != len(list) {
				t.Fatalf("%d entries, %d wanted", len(got), len(list))
			}
			for i := range list {
				if !bytes.Equal(got[i].Value, list[i]) {
					t.Errorf("%s, %s wanted", got[i].Value, list[i])
				}
			}
		case json.Unmarshal(b, &object) == nil && object != nil:
			last := map[string]string{}
			for _, m := range got {
				var name string
				if err := json.Unmarshal(m.Name, &name); err != nil {
					t.Fatal(err)
				}
				last[name] = string(m.Value)
			}
			if len(last) != len(object) {
				t.Fatalf("%d members, %d wanted", len(last), len(object))
			}
			for name, value := range object {
				if last[name] != string(value) {
					t.Errorf("%s: %s, %s wanted", name, last[name], value)
				}
			}
		case got != nil:
			t.Error("no list and no object was split")
		}
	})
}
