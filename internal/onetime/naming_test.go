package onetime

import (
	"strings"
	"testing"
)

var key, other = []byte("the key of the service"), []byte("the key of somebody else")

func fresh() Code { return Fresh(func(string) bool { return false }) }

func TestACodeNamesItsKeyHoweverItIsTyped(t *testing.T) {
	for range 100 {
		code := fresh()
		shown := code.Naming(key)
		for _, typed := range []string{shown, strings.ToLower(shown), strings.ReplaceAll(shown, "-", " "),
			strings.ReplaceAll(shown, "-", ""), " " + strings.ReplaceAll(shown, "-", "\u2013") + "\t\n",
			strings.ReplaceAll(shown, "-", "\u00a0\u200b"), strings.NewReplacer("0", "o", "1", "l").Replace(shown)} {
			got, err := ReadTyped(typed)
			if err != nil || got.Code != code || !got.Names(key) || got.Names(other) || got.Text() != shown {
				t.Fatalf("%q is read as %+v, %v", typed, got, err)
			}
			if Read(typed) != code {
				t.Errorf("%q is read as %s", typed, Read(typed))
			}
		}
	}
}

func TestACodeWithoutAKeyIsReadAndNamesNone(t *testing.T) {
	code := fresh()
	got, err := ReadTyped(strings.ToLower(code.String()))
	if err != nil || got.Code != code || got.NamesKey() || got.Names(key) || got.Names(nil) ||
		got.Text() != code.String() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEveryMistypedCharacterAndEveryExchangeOfTwoShows(t *testing.T) {
	shown := strings.ReplaceAll(fresh().Naming(key), "-", "")
	refused := func(typed string) {
		t.Helper()
		if got, err := ReadTyped(typed); typed != shown && (err == nil || !strings.Contains(err.Error(), "mistyped")) {
			t.Errorf("%s typed as %s is read as %+v, %v", shown, typed, got, err)
		}
	}
	for i := range shown {
		for _, r := range alphabet {
			refused(shown[:i] + string(r) + shown[i+1:])
		}
		for j := range i {
			b := []byte(shown)
			b[i], b[j] = b[j], b[i]
			refused(string(b))
		}
	}
}

func TestWhatIsNoCodeIsRefusedWithTheReason(t *testing.T) {
	shown := fresh().Naming(key)
	for typed, says := range map[string]string{"": "24 characters", shown[:len(shown)-1]: "this one has 23",
		shown + "7": "this one has 25", shown[:len(shown)-5]: "this one has 20", "U" + shown[1:]: `'U'`,
		"CODE": "this one has 4", "\x00": `'\x00'`, "\u202e" + shown + "\u00e9": `'É'`} {
		if _, err := ReadTyped(typed); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", typed, err)
		}
	}
}
