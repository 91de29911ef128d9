// Package zonedata chooses the time zone data: those that this program carries, or those of the machine where they are
// newer. Rules change on short notice, and a machine is often brought up to date earlier, or later, than a program.
package zonedata

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"
)

// Embedded is the version of the embedded data.
const Embedded = "2025c"

// The embedded data are those of Go's library, lib/time/zoneinfo.zip, which are in the public domain.
//
//go:embed zoneinfo.zip
var embedded []byte

// maxFile exceeds the size of any zone's file.
const maxFile = 1 << 20

// Data are the rules of all zones, in one version.
type Data struct {
	Version string // such as 2025c
	Dir     string // the directory of the machine; empty: embedded

	files, fallback fs.FS
}

// Present returns the newest data that are at hand. They are chosen once, so that all zones of a process are of one
// version.
var Present = sync.OnceValue(func() Data {
	return Newest(os.Getenv("ZONEINFO"), "/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ",
		"/etc/zoneinfo")
})

// Newest returns the embedded data, or those of the directory that are newest, if they are newer. Directories that do
// not say their version do not count.
func Newest(dirs ...string) Data {
	own, err := zip.NewReader(bytes.NewReader(embedded), int64(len(embedded)))
	if err != nil {
		panic(err) // the program is damaged
	}
	out := Data{Version: Embedded, files: own, fallback: own}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			continue
		}
		if v := version(root.FS()); v > out.Version {
			out = Data{Version: v, Dir: dir, files: root.FS(), fallback: own}
		}
	}
	return out
}

// versionForm is the form in which versions are ordered like texts.
var versionForm = regexp.MustCompile(`^(?:# version )?(20\d\d[a-z]{1,3})\b`)

// version returns the version that a directory of zones says; empty if it says none.
func version(dir fs.FS) string {
	for _, name := range []string{"tzdata.zi", "+VERSION"} {
		f, err := dir.Open(name)
		if err != nil {
			continue
		}
		line := make([]byte, 64)
		n, _ := io.ReadFull(f, line)
		_ = f.Close() // it was only read
		if m := versionForm.FindSubmatch(line[:n]); m != nil {
			return string(m[1])
		}
	}
	return ""
}

// File returns the rules of a zone (RFC 9636). A zone that the machine's data lack comes from the embedded ones.
func (d Data) File(name string) ([]byte, error) {
	for _, files := range []fs.FS{d.files, d.fallback} {
		if b, err := read(files, name); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("zonedata: %q: %w", name, fs.ErrNotExist)
}

func read(files fs.FS, name string) (_ []byte, err error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err == nil && !bytes.HasPrefix(b, []byte("TZif")) {
		err = fs.ErrNotExist // such as tzdata.zi and directories
	}
	return b, err
}

// String says the version and where it is from.
func (d Data) String() string {
	if d.Dir == "" {
		return d.Version + " (embedded)"
	}
	return d.Version + " (" + strings.TrimSuffix(d.Dir, "/") + ")"
}
