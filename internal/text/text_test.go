package text

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTextThatLooksTheSameIsKeptAsTheSameCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"Hana": "Hana", " Hana\t": "Hana", "Hana  Kim": "Hana Kim", "Hana\u00a0\u3000Kim": "Hana Kim",
		"\u1112\u1161\u1102\u1161": "하나", "하나": "하나", "\ufeff하나\u200b": "하나", "Ha\u200ena": "Hana",
		"Cafe\u0301": "Café", "می\u200cخواهم": "می\u200cخواهم", "": "", " \u00a0 ": "", "\u200b \u2060": "",
		"👩\u200d👧": "👩\u200d👧", "\u0600123": "\u0600123",
	} {
		got, err := Line(in)
		if err != nil || got != want {
			t.Errorf("Line(%+q) = %+q, %v; want %+q", in, got, err, want)
		}
		if again, err := Line(got); err != nil || again != got {
			t.Errorf("Line(%+q) = %+q, %v: not the same again", got, again, err)
		}
		if clean := Clean(in); clean != want {
			t.Errorf("Clean(%+q) = %+q; want %+q", in, clean, want)
		}
	}
}

func TestTextOfWhichNothingIsDrawnIsEmpty(t *testing.T) {
	for _, in := range []string{"\u3164", "\u3164 \u3164", "\uffa0", "\u2800\u2800", "\u115f\u1160", "\u200d", "\ufe0f",
		"\u034f", "\u200c\u00a0\u3164"} {
		for name, keep := range map[string]func(string) (string, error){"Line": Line, "Lines": Lines, "Said": Said,
			"Label": Label} {
			if got, err := keep(in); err != nil || got != "" {
				t.Errorf("%s(%+q) = %+q, %v", name, in, got, err)
			}
		}
		if got := Clean(in); got != "" {
			t.Errorf("Clean(%+q) = %+q", in, got)
		}
	}
	for in, want := range map[string]string{"하나\u3164": "하나", "하나\u3164\u3164둘": "하나 둘", "a \u200b b": "a b",
		"\u115f\u1161": "\u115f\u1161", "❤\ufe0f": "❤\ufe0f", "\u2801\u2800\u2802": "\u2801 \u2802"} {
		if got, err := Line(in); err != nil || got != want {
			t.Errorf("Line(%+q) = %+q, %v; want %+q", in, got, err, want)
		}
	}
}

func TestCharactersThatSteerWhatShowsThemAreRefusedInWords(t *testing.T) {
	for in, says := range map[string]string{
		"a\nhttp://evil.example/x.mp3": "line break", "a\u2028b": "line break",
		"\x1b]52;c;cm0=\x07 ok": "U+001B, a control character",
		"a\x00b":                "control", "a\u009bb": "control", "b\u202eexe": "direction", "b\u2066x": "direction",
		"a\U000e0041": "nobody sees", "a\ufffdb": "lost", "\xbe\xee\xb8\xb6": "not UTF-8", "a\ufffeb": "no character",
	} {
		if got, err := Line(in); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Line(%+q) = %+q, %v; want words with %q", in, got, err, says)
		}
	}
	if got, err := Said("one\ntwo\t three"); err != nil || got != "one two three" {
		t.Errorf("Said: %q, %v", got, err)
	}
	if got, err := Lines("one\r\n  two\tthree"); err != nil || got != "one\n  two\tthree" {
		t.Errorf("Lines: %q, %v", got, err)
	}
	if _, err := Lines("one\ntw\x1bo"); err == nil {
		t.Error("Lines takes an escape")
	}
	if got := Clean("a\nhttp://\x1b[31m\u202ex\xff"); got != "a http://[31mx\ufffd" {
		t.Errorf("Clean: %+q", got)
	}
	if got, err := Label(" \u1112\u1161\u1102\u1161 Winter"); err != nil || got != "하나 winter" {
		t.Errorf("Label: %q, %v", got, err)
	}
}

func FuzzKeptTextIsCleanAndStaysTheSame(f *testing.F) {
	f.Add("a\u202e\u1112\u1161 \x1b")
	f.Fuzz(func(t *testing.T, in string) {
		clean := Clean(in)
		if again := Clean(clean); again != clean {
			t.Errorf("Clean(%+q) = %+q, then %+q", in, clean, again)
		}
		line, err := Line(in)
		if err != nil {
			return
		}
		if clean != line {
			t.Errorf("%+q is kept as %+q and cleaned to %+q", in, line, clean)
		}
	})
}

func TestATextIsCutAfterAWholeWord(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"letter-one, letter-two, letter-three", 23, "letter-one, letter-two…"},
		{"letter-one, letter-two, letter-three", 22, "letter-one…"},
		{"letter-one letter-two letter-three", 22, "letter-one letter-two…"},
		{"a " + strings.Repeat("b", 30), 10, "a bbbbbbb…"},
		{strings.Repeat("편지", 10), 5, "편지편지…"},
		{"whole", 5, "whole"},
		{"", 5, ""},
	} {
		if got := Cut(c.in, c.most); got != c.want {
			t.Errorf("%q in %d: %q, not %q", c.in, c.most, got, c.want)
		}
	}
}

func TestNamesAreWholeAndTheOthersCounted(t *testing.T) {
	names := []string{"one", "two", "three", "four"}
	for most, want := range map[int]string{0: "one and 3 more", 7: "one and 3 more", 8: "one, two and 2 more",
		20: "one, two, three and 1 more", 21: "one, two, three, four"} {
		if got := Names(names, ", ", most); got != want {
			t.Errorf("in %d characters: %q, not %q", most, got, want)
		}
	}
	if got := Names(nil, ", ", 9); got != "" {
		t.Errorf("none: %q", got)
	}
}

func TestNoSpreadsheetRunsACellOfATable(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "@SUM(A1)": "'@SUM(A1)", "-2+3": "'-2+3", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
		"\tx": "'\tx", "\rx": "'\rx", "  =1": "'  =1", `"=1"`: `'"=1"`, "'=1": "''=1", "＝1": "'＝1", "﹣1+1": "'﹣1+1",
		"\u200b=1": "'\u200b=1", "\u3000＠x": "'\u3000＠x", "“=1”": "'“=1”", "-": "'-",
		"-5":    "-5",
		"+12.5": "+12.5", "460": "460", "": "", "'": "'", "it's": "it's", "'tis": "'tis", "하나": "하나", "a=b": "a=b",
		";=1+1": ";'=1+1", "a;=1+1": "a;'=1+1", "a\t@x": "a\t'@x", "a\n-1+1": "a\n'-1+1", "a\r\n ＝1": "a\r\n' ＝1",
		"a;\"=1": "a;'\"=1", "a;-5": "a;'-5", "=1;=2": "'=1;'=2", "a; b\tc": "a; b\tc", "a,=1": "a,=1", "a;'tis": "a;'tis",
	} {
		if got := Cell(in); got != want {
			t.Errorf("Cell(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestACellOfATableIsReadAsTheTextThatItWas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"=", "+", "-", "@", "'", `"`, " ", "\t", "\r", "\n", ";", "＝",
			"1", "5.5", "a", "\u200b", "\ufeff", "\u202e", "하", "\xff", "=\u0338"})).Draw(r, "parts"), "")
		if got := FromCell(Cell(s)); got != s {
			r.Errorf("%q is %q, and is read as %q", s, Cell(s), got)
		}
	})
}

func TestNoSecretOfAnAddressIsShown(t *testing.T) {
	for in, want := range map[string]string{
		"redis://user:hunter2@h:1/0":                  "redis://user:redacted@h:1/0",
		"redis://:hunter2@h":                          "redis://:redacted@h",
		"redis://u:hun/ter2@h":                        "redis://u:redacted@h",
		"redis://u:hun@ter2@h1,h2":                    "redis://u:redacted@h1,h2",
		`redis://u:hunt"er2@h`:                        "redis://u:redacted@h",
		"redis://u:1/hunter2@h":                       "redis://u:redacted@h",
		"redis+sentinel://u:hunter2@h1,h2?db=1":       "redis+sentinel://u:redacted@h1,h2?db=1",
		"redis://h/0?password=hunter2&db=1":           "redis://h/0?password=redacted&db=1",
		"redis://h?db=1&sentinel_password=hunter2":    "redis://h?db=1&sentinel_password=redacted",
		"https://hunter2@h/x":                         "https://redacted@h/x",
		"s3+https://KEY:hunter2@h/bucket":             "s3+https://KEY:redacted@h/bucket",
		"https://s3.example/b?X-Amz-Signature=hunter": "https://s3.example/b?X-Amz-Signature=redacted",
		`parse "redis://u:hunter2@h": bad (u@h)`:      `parse "redis://u:redacted@h": bad (u@h)`,
		"a https://u:hunter2@h b http://v:hunter2@i":  "a https://u:redacted@h b http://v:redacted@i",
		"sftp://person@host/folder":                   "sftp://person@host/folder",
		"https://h/@me/x":                             "https://h/@me/x",
		"https://h:8080/x write to me@h":              "https://h:8080/x write to me@h",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q; want %q", in, got, want)
		}
		if got := Redact(want); got != want {
			t.Errorf("Redact(%q) = %q", want, got)
		}
	}
}
