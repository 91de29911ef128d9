package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "lifeline/"

// anything lets a package import whatever it wants.
const anything = "*"

// mayImport is the import table: for each package of the house, what its code may import beyond the standard library.
// A name that ends in "/..." stands for all below it too. Tests may import more: what they test with.
var mayImport = map[string][]string{
	"schedules":                     {"schedules/zonedata", "github.com/teambition/rrule-go"},
	"schedules/zonedata":            {},
	"schedules/auditor":             {"schedules"},
	"schedules/planner":             {"schedules"},
	"schedules/planner/plannertest": {"schedules", "schedules/planner", "schedules/auditor", "pgregory.net/rapid"},
	"schedules/examples":            {},
	"audio": {"audio/sinc", "github.com/hajimehoshi/go-mp3", "github.com/dhowden/tag",
		"golang.org/x/sync/errgroup"},
	"audio/samples":      {},
	"audio/sinc":         {},
	"internal/fault":     {},
	"internal/flock":     {},
	"internal/supervise": {"github.com/coreos/go-systemd/v22/daemon"},
	"internal/secret":    {"internal/fault"},
	"internal/mirror":    {"schedules", "internal/wire", "internal/fault", "internal/flock", "filippo.io/age"},
	"internal/mirror/push": {"internal/mirror", "internal/fault", "internal/secret", "github.com/minio/minio-go/v7/...",
		"github.com/pkg/sftp", "golang.org/x/crypto/ssh/..."},
	"internal/wire":     {"schedules", "internal/fault"},
	"internal/fallback": {"internal/wire"},
	"internal/playlist": {"internal/text", "internal/wire", "schedules"},
	"internal/calendar": {"internal/text", "internal/wire", "schedules", "github.com/arran4/golang-ical"},
	"internal/spi":      {"internal/text", "internal/wire", "schedules"},
	"internal/delivery/site": {"internal/delivery/form", "internal/mirror/push", "internal/fault", "internal/secret",
		"github.com/pkg/sftp", "github.com/jlaffaye/ftp", "github.com/studio-b12/gowebdav"},
	"internal/delivery/form": {"schedules", "internal/fault"},
	"internal/delivery/made": {"internal/delivery/form", "audio", "internal/playout/dsp", "internal/fault",
		"github.com/mewkiz/flac/..."},
	"internal/hfcc":      {"internal/text", "schedules", "golang.org/x/text/language"},
	"internal/sign":      {"github.com/secure-systems-lab/go-securesystemslib/dsse"},
	"internal/hashchain": {"schedules", "internal/wire", "internal/sign", "internal/fault"},
	"internal/client":    {"internal/wire", "internal/fault", "internal/charset", "internal/secret", "schedules"},
	"internal/cmdline": {"schedules", "internal/fault", "internal/secret", "internal/sign", "internal/text",
		"internal/charset",
		"github.com/alecthomas/kong", "github.com/goccy/go-yaml", "github.com/goccy/go-yaml/ast",
		"github.com/goccy/go-yaml/parser", "github.com/mattn/go-isatty"},
	"internal/cmdline/flagtest": {"github.com/alecthomas/kong"},
	"internal/trust": {"internal/wire", "internal/sign", "internal/fault", "filippo.io/age",
		"github.com/theupdateframework/go-tuf/v2/metadata", "github.com/sigstore/sigstore/pkg/signature"},
	// Of store and blob the use cases import the values of their contracts, and no back end.
	"internal/replica": {"schedules", "internal/wire", "internal/sign", "internal/store", "internal/blob",
		"internal/search", "internal/text", "internal/bcp47", "internal/names", "internal/fault",
		"golang.org/x/sync/errgroup", "github.com/goccy/go-json"},
	"internal/access": {"schedules", "internal/replica", "internal/wire", "internal/store", "internal/text",
		"internal/bcp47", "internal/names", "internal/fault", "internal/sign", "internal/trust", "internal/onetime"},
	"internal/access/provider": {"internal/wire", "internal/text", "internal/fault", "github.com/coreos/go-oidc/v3/oidc",
		"golang.org/x/oauth2"},
	"internal/access/provider/providertest": {},
	"internal/access/signin": {"schedules", "internal/replica", "internal/access", "internal/access/provider",
		"internal/onetime", "internal/wire",
		"internal/store", "internal/text", "internal/fault", "github.com/go-webauthn/webauthn/..."},
	"internal/access/signin/signintest": {"internal/wire", "github.com/descope/virtualwebauthn"},
	"internal/onetime":                  {},
	"internal/library": {"schedules", "schedules/planner", "audio", "internal/replica", "internal/access",
		"internal/wire", "internal/store", "internal/blob", "internal/search", "internal/fault",
		"golang.org/x/sync/errgroup"},
	"internal/network": {"schedules", "internal/replica", "internal/access", "internal/library", "internal/wire",
		"internal/store", "internal/text", "internal/bcp47", "internal/fault"},
	"internal/record": {"schedules", "internal/replica", "internal/access", "internal/library", "internal/network",
		"internal/hashchain", "internal/archive", "internal/wire", "internal/store", "internal/text", "internal/fault",
		"internal/sign"},
	"internal/scheduling": {"schedules", "schedules/planner", "schedules/auditor", "internal/replica", "internal/access",
		"internal/library", "internal/network", "internal/record", "internal/hashchain", "internal/fallback", "internal/wire",
		"internal/store", "internal/fault"},
	"internal/webhooks": {"schedules", "internal/replica", "internal/access", "internal/wire", "internal/store",
		"internal/text", "internal/fault"},
	"internal/idempotency": {"schedules", "internal/replica", "internal/access", "internal/store", "internal/fault"},
	"internal/erasure": {"schedules", "internal/replica", "internal/access", "internal/access/signin",
		"internal/library", "internal/record",
		"internal/search", "internal/idempotency", "internal/wire", "internal/store", "internal/text",
		"internal/fault", "golang.org/x/text/unicode/norm"},
	"internal/background": {"schedules", "internal/replica", "internal/access", "internal/access/signin",
		"internal/library", "internal/record", "internal/scheduling", "internal/erasure",
		"golang.org/x/sync/errgroup"},
	"internal/kinds": {"internal/replica", "internal/access", "internal/access/signin", "internal/library",
		"internal/record", "internal/scheduling", "internal/webhooks", "internal/idempotency"},
	"internal/servicetest": {"schedules", "audio", "internal/wire", "internal/replica", "internal/store",
		"internal/fault"},
	"internal/text":    {"golang.org/x/text/unicode/norm"},
	"internal/shape":   {"github.com/goccy/go-yaml/lexer", "github.com/goccy/go-yaml/token"},
	"internal/names":   {"github.com/mtibben/confusables", "golang.org/x/text/..."},
	"internal/bcp47":   {"golang.org/x/text/language/..."},
	"internal/charset": {"internal/text", "golang.org/x/text/encoding/..."},
	"internal/search":  {"github.com/tidwall/btree", "golang.org/x/text/..."},
	"internal/telemetry": {"schedules/zonedata",
		"internal/replica", "internal/record", "internal/reserve", "internal/blob", "internal/fault",
		"github.com/prometheus/client_golang/...", "github.com/prometheus/client_model/go", "go.opentelemetry.io/otel/...",
		"go.opentelemetry.io/proto/otlp/trace/v1", "google.golang.org/protobuf/proto"},
	"internal/openapi":         {},
	"internal/openapi/source":  {"internal/openapi"},
	"internal/openapi/conform": {"github.com/santhosh-tekuri/jsonschema/v6", "pgregory.net/rapid"},
	"internal/reserve":         {"internal/replica", "internal/blob", "internal/fault", "golang.org/x/sys/..."},
	"internal/store":           {"internal/fault"},
	"internal/store/notify":    {"internal/fault"},
	"internal/store/memory":    {"internal/store", "internal/fault"},
	"internal/store/sqlite":    {"internal/store", "internal/store/notify", "internal/fault", "modernc.org/sqlite/..."},
	"internal/store/redis": {"internal/store", "internal/store/notify", "internal/fault",
		"github.com/redis/go-redis/v9/...", "github.com/go-redis/redis_rate/v10"},
	"internal/archive": {"internal/store", "internal/fault"},
	"internal/store/storetest": {"internal/store", "internal/fault", "github.com/google/go-cmp/...", "pgregory.net/rapid",
		"golang.org/x/sync/errgroup"},
	"internal/blob": {"internal/fault", "internal/flock", "github.com/minio/minio-go/v7/...",
		"golang.org/x/sys/..."},
	"internal/blob/blobtest":  {"internal/blob", "internal/fault"},
	"internal/httpapi/apidoc": {"internal/access", "internal/idempotency", "internal/openapi", "internal/wire"},
	"internal/httpapi": {"internal/httpapi/apidoc", "internal/replica", "internal/access", "internal/access/signin",
		"internal/library", "internal/record", "internal/scheduling", "internal/webhooks", "internal/idempotency",
		"internal/kinds", "internal/erasure", "internal/wire", "internal/fault", "internal/sign", "internal/trust",
		"internal/store",
		"internal/console", "internal/openapi", "internal/playlist", "internal/calendar", "internal/spi", "internal/text",
		"internal/bcp47", "internal/charset", "internal/shape", "schedules", "schedules/zonedata",
		"github.com/gin-gonic/gin",
		"github.com/goccy/go-yaml/...",
		"golang.org/x/time/rate"},
	"internal/console": {},
	"internal/playout": {"internal/playout/dsp", "internal/playout/output", "internal/playout/spool",
		"internal/playout/statedir", "internal/playout/retry",
		"audio", "schedules", "internal/wire", "internal/client", "internal/fallback", "internal/fault", "internal/sign",
		"internal/onetime", "internal/trust", "internal/mirror", "internal/text", "internal/charset", "internal/playlist",
		"filippo.io/age", "github.com/prometheus/client_golang/...", "golang.org/x/..."},
	"internal/playout/dsp": {"audio/sinc"},
	"internal/playout/output": {"internal/playout/dsp", "internal/playout/retry", "internal/text", "schedules",
		"golang.org/x/sys/..."},
	"internal/playout/spool": {"internal/playout/statedir", "internal/playout/retry", "internal/text", "internal/wire",
		"schedules"},
	"internal/playout/statedir": {"internal/fault", "internal/flock", "internal/secret"},
	"internal/playout/retry":    {},
	"internal/webhook":          {"internal/webhooks", "code.dny.dev/ssrf", "golang.org/x/text/unicode/norm"},
	"internal/render": {"internal/playout", "internal/playout/dsp", "internal/playout/output", "internal/wire",
		"internal/blob", "internal/fault", "github.com/mewkiz/flac/...", "golang.org/x/sync/errgroup"},
	"internal/config":   {"internal/client", "internal/secret", "internal/text", "internal/wire"},
	"internal/archtest": {},
	"internal/harness": {"schedules", "github.com/redis/go-redis/v9/...", "github.com/minio/minio-go/v7/...",
		"github.com/pkg/sftp", "golang.org/x/crypto/ssh/..."},
	"internal/bench/...":    {anything},
	"internal/service":      {anything},
	"cmd/lifeline":          {"cmd/lifeline/commands", "github.com/redis/go-redis/v9/..."},
	"cmd/lifeline/commands": {anything},
	"cmd/endtoend":          {},
	"cmd/playout": {"internal/playout", "internal/playout/dsp", "internal/playout/output", "internal/playout/spool",
		"internal/playout/statedir", "internal/client", "internal/cmdline", "internal/fault", "internal/secret",
		"internal/sign", "internal/onetime", "internal/supervise",
		"internal/trust", "internal/wire", "audio", "schedules", "schedules/zonedata", "github.com/alecthomas/kong",
		"github.com/jotaen/kong-completion"},

	"deploy":                    {},
	"internal/harness/longform": {},
}

// guarded are the libraries that parse bytes of others without bounds, with the package that bounds what they get.
var guarded = map[string]string{"github.com/dhowden/tag": "audio"}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		pkg := path.Dir(filepath.ToSlash(name))
		allowed, listed := rule(pkg)
		if !listed {
			t.Errorf("%s is not in the import table: a new package needs a place in the house", pkg)
			return nil
		}
		seen[pkg] = true
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range source.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if !standard(imported) && !slices.ContainsFunc(allowed, func(a string) bool { return matches(a, imported) }) {
				t.Errorf("%s imports %s, which the table does not allow it", name, imported)
			}
			if by := guarded[imported]; by != "" && by != pkg {
				t.Errorf("%s imports %s, which %s guards: call that", name, imported, by)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{"schedules", "audio", "internal/scheduling", "internal/httpapi", "internal/playout",
		"cmd/lifeline"} {
		if !seen[must] {
			t.Errorf("no source of %s was read", must)
		}
	}
}

// The top level is fixed: what is there, and nothing else but dot files and the files that are customary beside it.
func TestTopLevelHoldsOnlyWhatTheDesignNames(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	named := []string{"go.mod", "go.sum", "cmd", "internal", "schedules", "audio", "deploy", "README.md", "LICENSE",
		"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "data", "demo", "bin"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(named, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

func rule(pkg string) (allowed []string, listed bool) {
	for name, allowed := range mayImport {
		if matches(name, module+pkg) {
			return allowed, true
		}
	}
	return nil, false
}

// matches compares a name of the table, where the house's own packages are named without the module, with an import
// path.
func matches(name, imported string) bool {
	if name == anything {
		return true
	}
	imported = strings.TrimPrefix(imported, module)
	if tree, ok := strings.CutSuffix(name, "/..."); ok {
		return imported == tree || strings.HasPrefix(imported, tree+"/")
	}
	return imported == name
}

// standard reports whether an import is of the standard library: those have no dot in their first element.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && first+"/" != module
}
