package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"lifeline/internal/openapi"
	"lifeline/internal/openapi/source"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

var updateComments = flag.Bool("update", false, "write comments.json anew")

func TestCommentsOfTheDocumentAreThoseOfTheSource(t *testing.T) {
	written, err := source.Read(map[string]fs.FS{
		reflect.TypeFor[wire.Queue]().PkgPath():        os.DirFS(filepath.Join("..", "wire")),
		reflect.TypeFor[schedules.Segment]().PkgPath(): os.DirFS(filepath.Join("..", "..", "schedules")),
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := facts()
	if err != nil {
		t.Fatal(err)
	}
	used := openapi.Comments{}
	f.Comment = func(t reflect.Type, field string) string {
		text := written.Of(t, field)
		if text != "" {
			used[openapi.Key(t, field)] = text
		}
		return text
	}
	if _, err := documentBy(f, (&api{}).routes()); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(used); err != nil {
		t.Fatal(err)
	}
	if *updateComments {
		if err := os.WriteFile("comments.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(commentsJSON, want.Bytes()) {
		t.Error("comments.json is not as the comments of the types are: run go generate ./internal/httpapi")
	}
}
