package kinds

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
)

const goldens = "testdata/stored"

// inGoldens reports whether goldens has a document of a kind and version. For a signed kind it is the payload of the
// envelope, and the versions are its forms in chronological order.
func inGoldens(kind string, version int) bool {
	_, err := os.Stat(filepath.Join(goldens, fmt.Sprintf("%s.v%d.json", kind, version)))
	return err == nil
}

// decoded decodes a body of a kind, as strictly as documents are decoded.
func decoded(kind replica.Kind, body []byte) (any, error) {
	v := reflect.New(kind.Form)
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v.Interface())
	return v.Elem().Interface(), err
}

// cure returns the instructions for a changed form of a kind.
func cure(kind replica.Kind, latest int) string {
	next := fmt.Sprintf("add internal/kinds/%s/%s.v%d.json with every field filled, and its line to SHA256SUMS "+
		"there; leave the older files as they are (see CONTRIBUTING.md, A field of a stored document)", goldens, kind.Name, latest+1)
	if kind.Signed {
		return "The form of " + kind.Name + " has changed. What is signed is never upgraded: let older documents be read " +
			"and written as they are (a new field is left out when it is empty), and " + next
	}
	return fmt.Sprintf("The form of %s has changed. Raise its version to %d: add the step to its Upgrades, and %s",
		kind.Name, latest+1, next)
}

func TestStoredFormOfEveryKindIsItsGoldenDocument(t *testing.T) {
	for _, kind := range All {
		t.Run(kind.Name, func(t *testing.T) {
			if kind.Form == nil {
				t.Fatal("the kind declares no Form")
			}
			latest := kind.Version()
			if kind.Signed {
				for inGoldens(kind.Name, latest+1) {
					latest++
				}
			}
			for version := 1; version <= latest; version++ {
				if !inGoldens(kind.Name, version) {
					t.Errorf("there is no internal/kinds/%s/%s.v%d.json. Add one, with every field filled", goldens, kind.Name,
						version)
					continue
				}
				body := servicetest.Golden(t, fmt.Sprintf("%s.v%d", kind.Name, version))
				holdGolden(t, kind, version, latest, body)
			}
		})
	}
}

// holdGolden checks the golden document of one version: it can be read, and the latest, like everything signed, is
// written again byte for byte. The latest has a value in every field.
func holdGolden(t *testing.T, kind replica.Kind, version, latest int, body []byte) {
	t.Helper()
	written := version == latest || kind.Signed
	upgraded := body
	if !written {
		mark := ""
		if version > 1 {
			mark = fmt.Sprintf("v%d ", version)
		}
		d, err := All.Latest(store.Document{Kind: kind.Name, ID: "a", Body: append([]byte(mark), body...)})
		if err != nil {
			t.Fatalf("version %d is not upgraded: %v", version, err)
		}
		upgraded = d.Body
	}
	v, err := decoded(kind, upgraded)
	if err != nil {
		t.Fatalf("version %d cannot be read: %v. %s", version, err, cure(kind, latest))
	}
	again, err := replica.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if written && !bytes.Equal(again, body) {
		t.Errorf("version %d\n%s\nis written as\n%s\n%s", version, body, again, cure(kind, latest))
	}
	if missing := servicetest.Unfilled(v); version == latest && len(missing) > 0 {
		t.Errorf("%s.v%d.json has nothing in %s. %s", kind.Name, version, strings.Join(missing, ", "), cure(kind, latest))
	}
}

// Stores contain documents as they were written, so a golden document must not be edited.
func TestGoldenDocumentsStayAsTheyAre(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goldens, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	listed, err := os.ReadFile(filepath.Join(goldens, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(listed)), "\n")
	if len(lines) != len(files) {
		t.Errorf("SHA256SUMS has %d lines for %d golden documents", len(lines), len(files))
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if line := fmt.Sprintf("%x  %s", sha256.Sum256(b), name); !slices.Contains(lines, line) {
			t.Errorf("SHA256SUMS does not say\n%s\nA golden document stays as it is for ever: undo a change of one, raise the "+
				"version of its kind and add the golden document of the new version. Of a new one, add this line", line)
		}
		kind, version, _ := strings.Cut(strings.TrimSuffix(name, ".json"), ".v")
		n, err := strconv.Atoi(version)
		if k, ok := All.Find(kind); err != nil || !ok || !k.Signed && n > k.Version() {
			t.Errorf("%s is of no kind and version that is declared", name)
		}
	}
}

// within reports whether a type, or a type that it contains, belongs to a package.
func within(t reflect.Type, pkg string, seen map[reflect.Type]bool) bool {
	if t.PkgPath() == pkg {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return within(t.Elem(), pkg, seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if within(t.Field(i).Type, pkg, seen) {
				return true
			}
		}
	}
	return false
}

func TestOnlyWhatIsSignedIsStoredInTypesOfTheContract(t *testing.T) {
	for _, kind := range All {
		if got := within(kind.Form, "lifeline/internal/wire", map[reflect.Type]bool{}); got != kind.Signed {
			t.Errorf("%s: signed %v, and stored in a type of wire %v. Give it a type in the package that owns it", kind.Name,
				kind.Signed, got)
		}
	}
}
