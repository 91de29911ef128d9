package replica

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifeline/internal/harness"
	"lifeline/schedules"
)

// The faster decoder reads what the standard library's reads.
func TestSegmentsAreDecodedAsTheStandardLibraryDoes(t *testing.T) {
	c := newSegmentIndex()
	n := 0
	for seg := range harness.Segments(1000) {
		if n++; n%10 == 0 {
			seg.Title, seg.Tags = "\"tab\t\u2028<&> \x00 \\ 🕯 등불", []string{}
			seg.Recording.IntegratedLUFS, seg.Sensitive = nil, true
			seg.Consent = &schedules.Consent{GivenAt: seg.ValidFrom, ExpiresAt: seg.ValidUntil, Reference: "folder 7"}
		}
		body, err := Encode(seg)
		if err != nil {
			t.Fatal(err)
		}
		if n%7 == 0 {
			later := []byte(strings.Replace(string(body), `"kind"`, `"later": {"than": [1, "this"]}, "kind"`, 1))
			if _, err := c.read(later); !errors.As(err, new(*NewerVersion)) {
				t.Fatalf("of a field that it does not know it says %v", err)
			}
		}
		want, err := Parse[schedules.Segment](body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.read(body)
		clear(body) // nothing of it is held
		if err != nil || !cmp.Equal(got.Segment, want) {
			t.Fatalf("%v: %s", err, cmp.Diff(want, got.Segment))
		}
	}
	for _, damaged := range []string{"", "{", `{"id":7}`, `{"recording":{"duration_ms":1.5}}`,
		`{"recording":{"duration_ms":"1"}}`, `{"valid_from":"soon"}`, `{"id":"a"}}`} {
		if _, err := c.read([]byte(damaged)); err == nil {
			t.Errorf("%s is read", damaged)
		}
	}
}
