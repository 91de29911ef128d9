// Package console holds the web console: a page, a style and ES modules, written by hand and embedded as they are. It
// speaks to the public API alone, with the token that its user signs in with, and fetches nothing from elsewhere.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strings"
)

//go:embed index.html assets
var source embed.FS

// Policy is the Content-Security-Policy of the page: its own scripts and styles, the API, and recordings that it has
// fetched itself. Trusted types make the browser refuse text that a script would have read as HTML.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; " +
	"img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// File is one file of the console.
type File struct {
	ContentType string
	Body        []byte
	Tag         string // an ETag
	Page        bool   // the page, which must be asked for anew; the others never change under their names
}

// Root is where the files are, but for the page, which is at "/".
const Root = "/console/"

var files, build = load()

// Build names the files as they are now: it is the hash of them all, so that they find each other by relative names.
func Build() string { return build }

// Find is the file at a path.
func Find(path string) (File, bool) {
	f, ok := files[path]
	return f, ok
}

// load reads the embedded files. What is wrong with them is wrong in every run, and any test shows it.
func load() (map[string]File, string) {
	names, err := fs.Glob(source, "assets/*")
	if err != nil {
		panic(err)
	}
	all := sha256.New()
	bodies := map[string][]byte{}
	for _, name := range append(names, "index.html") {
		b, err := source.ReadFile(name)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(all, "%s %d\n%s", name, len(b), b)
		bodies[name] = b
	}
	build := hex.EncodeToString(all.Sum(nil)[:8])
	out := map[string]File{}
	base := Root + build
	relative := "." + base // to the page, which may be below a path of a proxy
	var preload strings.Builder
	for _, name := range names {
		file := path.Base(name)
		out[base+"/"+file] = File{ContentType: typeOf(file), Body: bodies[name], Tag: `W/"` + build + `"`}
		if path.Ext(file) == ".js" {
			fmt.Fprintf(&preload, "<link rel=\"modulepreload\" href=\"%s/%s\">\n", relative, file)
		}
	}
	page := strings.NewReplacer("{{base}}", relative, "{{preload}}\n", preload.String()).Replace(
		string(bodies["index.html"]))
	out["/"] = File{ContentType: typeOf("index.html"), Body: []byte(page), Tag: `W/"` + build + `"`, Page: true}
	return out, build
}

// typeOf is the media type of a file. It does not ask the machine, whose own table may say otherwise.
func typeOf(name string) string {
	types := map[string]string{".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
	t, ok := types[path.Ext(name)]
	if !ok {
		panic("console: no media type for " + name)
	}
	if t == "image/svg+xml" {
		return t
	}
	return mime.FormatMediaType(t, map[string]string{"charset": "utf-8"})
}
