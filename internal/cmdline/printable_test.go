package cmdline

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"lifeline/internal/text"
)

const hostile = "a\x1b]52;c;cm0=\x07b\x9bc\u009bd\u202ee\u2066f\r\x00g\u200eh\x7f\U000e0041i\u2028j\xff"

func TestWhatSteersATerminalIsShownAndNotSent(t *testing.T) {
	const want = `a\u001b]52;c;cm0=\u0007b\x9bc\u009bd\u202ee\u2066f\u000d\u0000g\u200eh\u007f\udb40\udc41i\u2028j\xff`
	if got := text.Shown(hostile); got != want {
		t.Errorf("%q", got)
	}
	for _, plain := range []string{"", "one\n\ttwo\n", "어머니의 편지", "می\u200cخواهم", "👩\u200d👧", "Café", `back\slash`} {
		if got := text.Shown(plain); got != plain {
			t.Errorf("%q is shown as %q", plain, got)
		}
	}
}

func TestPrintableTextIsTheSameHoweverItIsCut(t *testing.T) {
	all := hostile + "어머니" + hostile + "\n"
	for n := 1; n < 9; n++ {
		var out bytes.Buffer
		w := Printable(&out)
		for b := []byte(all); len(b) > 0; b = b[min(n, len(b)):] {
			if wrote, err := w.Write(b[:min(n, len(b))]); err != nil || wrote != min(n, len(b)) {
				t.Fatal(wrote, err)
			}
		}
		if out.String() != text.Shown(all) {
			t.Errorf("in pieces of %d: %q", n, out.String())
		}
	}
}

func TestPrintableJSONSaysTheSame(t *testing.T) {
	var out bytes.Buffer
	const said = "a\x1bb\u202ec\u009bd\x7f\U000e0041"
	if err := json.NewEncoder(Printable(&out)).Encode(said); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != said || bytes.ContainsAny(out.Bytes(),
		"\u202e\u009b\x7f") {
		t.Errorf("%q, %v", out.Bytes(), err)
	}
}

func TestDataGoesAsItStands(t *testing.T) {
	var out bytes.Buffer
	if _, err := io.WriteString(Data(Printable(&out)), "a\r\n\xff"); err != nil || out.String() != "a\r\n\xff" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
