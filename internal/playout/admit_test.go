package playout

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"lifeline/internal/wire"
)

// A document is refused before its lists are decoded, since its signature is not verified yet.
func TestListsThatNoDocumentHasAreRefusedBeforeTheyAreRead(t *testing.T) {
	many := wire.MostRecalled + 1
	for name, payload := range map[string]string{
		"items":       `{"items":[0` + strings.Repeat(",0", many) + `]}`,
		"null":        `{"items":[null` + strings.Repeat(",null", many) + `]}`,
		"in a list":   `{"items":[{"audio":{},"x":["\"],",` + strings.Repeat("0,", many) + `0]}]}`,
		"unknown":     `{"x":{"y":[[]` + strings.Repeat(",[]", many) + `]}}`,
		"recalled":    `{"recalled":[""` + strings.Repeat(`,""`, many) + `]}`,
		"as a object": `{"queue_revisions":{"a":1` + strings.Repeat(`,"a":1`, many) + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			envelope, err := json.Marshal(wire.Envelope{Payload: base64.StdEncoding.EncodeToString([]byte(payload))})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := decodePayload(envelope, &wire.Queue{}); err == nil || !strings.Contains(err.Error(), "no document has") {
				t.Errorf("it is read: %v", err)
			}
			runtime.ReadMemStats(&after)
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 8 {
				t.Errorf("it took %d MiB", took)
			}
		})
	}
}

func TestSignaturesOfABundlesDocumentsAreBounded(t *testing.T) {
	envelope := `{"payload":"e30=","signatures":[{}` + strings.Repeat(",{}", 1<<20) + `]}`
	if err := decodePayload([]byte(envelope), &wire.Queue{}); err == nil || !strings.Contains(err.Error(), "signatures") {
		t.Errorf("it is read: %v", err)
	}
}

// TestLongestListIsThatOfTheText compares longestList with the lists that encoding/json finds, in texts with quotes and
// brackets in strings.
func TestLongestListIsThatOfTheText(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	strs := []string{"", `"`, `\`, "],[", "{,}", `\"`, "고향"}
	for range 500 {
		most := 0
		var make func(depth int) any
		make = func(depth int) any {
			n := r.IntN(6)
			switch r.IntN(4) {
			case 0:
				return strs[r.IntN(len(strs))]
			case 1:
				return n
			case 2:
				list := []any{}
				for range n {
					if depth < 5 {
						list = append(list, make(depth+1))
					}
				}
				most = max(most, len(list))
				return list
			}
			object := map[string]any{}
			for i := range n {
				if depth < 5 {
					object[strs[i]] = make(depth + 1)
				}
			}
			most = max(most, len(object))
			return object
		}
		v := make(0)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := longestList(b); got != most && most > 1 || got > max(most, 1) {
			t.Errorf("%s has a list of %d, not %d", b, got, most)
		}
	}
}
