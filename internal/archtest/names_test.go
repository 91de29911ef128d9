package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sameNames are the type names that several packages export, with the reason of each.
var sameNames = map[string]string{
	"Allowance":  "the store's is the implementation of the API's port",
	"Answer":     "a kept answer of the API; an answer that is checked against the API's document",
	"Audio":      "ports of the service, of the renderer and of the client for one thing: recordings by hash",
	"Blob":       "a blob in a back end, and in a backup",
	"Cache":      "decoded documents of the service; recordings of a player",
	"Change":     "a change in the store, and as the API tells of it",
	"Contract":   "how a hired site takes files; the API's document, as tests hold a service to it",
	"Document":   "a stored document; the API's document; a signed document that the client fetches",
	"Enrolment":  "a one-time code, as kept; what a station sends with it",
	"Entry":      "an as-run entry in the store, and of the library prepared for planning",
	"Facts":      "what is measured of a recording; what is known of the API's operations",
	"Field":      "of a fault, of a schema, of the index",
	"File":       "of the console, of a frequency file",
	"Format":     "of a sound output; of a store",
	"Header":     "of an MP3 frame, of an HTTP answer",
	"Identity":   "of a player; how an identity provider knows a person, as stored and in the API",
	"Kind":       "of failure, of document, of segment: each package's own notion",
	"Library":    "the use cases of segments; the pure library that planning reads",
	"Logbook":    "as-run at the station, and at the service",
	"Media":      "addresses of recordings; media types of answers",
	"NewToken":   "a token to be made, in the use case and in the API",
	"Operation":  "of the API's document, and as it is checked",
	"Options":    "of what each package opens",
	"Outcome":    "of an analysis; of an airing",
	"Parameter":  "of the API's document, and as it is checked",
	"Part":       "of an upload; of a backup",
	"Person":     "who works with the service, as stored; whom segments name, in the API",
	"Place":      "of a reserve, of a store under test, of an item",
	"Player":     "the program; as the API tells of it",
	"Poster":     "the port of the webhooks and its implementation",
	"Problem":    "of definitions; of an answer of the API",
	"Progress":   "of an analysis, in the use case and in the API",
	"Rate":       "of requests; of samples",
	"Reader":     "of MP3 frames; of a backup",
	"Recording":  "of a segment; as the client sends it",
	"Recalls":    "who recalls, in the use case; the signed list of recalls",
	"Recordings": "of the library; ports of the player and of decorators of the audio store",
	"Redis":      "the settings; a server for tests",
	"Rejection":  "why a recording cannot air, as measured and as kept",
	"Renderer":   "the port of the windows and its implementation",
	"Reserve":    "of a disk; of a Redis",
	"Row":        "of a frequency file; of a cache",
	"S3":         "the settings; the back end",
	"Service":    "of a broadcaster in a feed; the program put together",
	"Signer":     "signs with a key; the port of the use cases; one that signs nothing, for tests",
	"State":      "of a segment; of a reserve",
	"Station":    "the definition; the client of one station",
	"StationKey": "a key of a station, as kept and as the API shows it",
	"Store":      "the port and its back ends",
	"Terms":      "of the index; of a frequency file",
	"Upload":     "a recording in pieces, as kept and as the API shows it",
	"Verdict":    "of an analysis; of an airing",
	"Warning":    "of a recording as measured; of a rundown",
	"Waveform":   "as measured, and as the API shows it",
}

func TestNoTwoPackagesExportATypeOfOneNameWithoutAReason(t *testing.T) {
	packages := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		for _, decl := range source.Decls {
			types, ok := decl.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE {
				continue
			}
			for _, spec := range types.Specs {
				name := spec.(*ast.TypeSpec).Name.Name
				if ast.IsExported(name) && !slices.Contains(packages[name], pkg) {
					packages[name] = append(packages[name], pkg)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range packages {
		if sameNames[name] == "" && len(in) > 1 {
			t.Errorf("%v export a type %s each: rename one, or give the reason in sameNames", in, name)
		}
	}
	for name := range sameNames {
		if len(packages[name]) < 2 {
			t.Errorf("sameNames has a reason for %s, which at most one package exports", name)
		}
	}
}
