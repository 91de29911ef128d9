package servicetest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Golden returns a golden document of internal/kinds, such as "status.v1", in its stored form. The caller's package
// directory must be beside internal/kinds.
func Golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "kinds", "testdata", "stored", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		t.Fatal(name, err)
	}
	return out.Bytes()
}
