package console

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// newer is what browsers of the age that people have (Chrome 109, the last on Windows 7; Safari 16; Firefox ESR 115) do
// not know, and since when browsers do. What they do without, such as balanced headings, is not here.
var newer = map[string]*regexp.Regexp{
	"URLSearchParams.size (Chrome 113, Safari 17)": regexp.MustCompile(
		`\b(q|query|params|parameters|searchParams)\.size\b`),
	"AbortSignal.any (Chrome 116, Safari 17.4, Firefox 124)": regexp.MustCompile(`AbortSignal\.any\b`),
	"URL.canParse, URL.parse (Chrome 120, Safari 17)":        regexp.MustCompile(`\bURL\.(canParse|parse)\b`),
	"arrays copied by methods (Chrome 110)": regexp.MustCompile(
		`\.(toSorted|toReversed|toSpliced)\(|\]\.with\(`),
	"groupBy (Chrome 117, Safari 17.4, Firefox 119)":             regexp.MustCompile(`\b(Object|Map)\.groupBy\b`),
	"Promise.withResolvers, Promise.try (Chrome 119, Safari 17)": regexp.MustCompile(`Promise\.(withResolvers|try)\b`),
	"Array.fromAsync (Chrome 121)":                               regexp.MustCompile(`Array\.fromAsync\b`),
	"methods of iterators (Chrome 122, Firefox 131)": regexp.MustCompile(
		`\.(values|entries|keys)\(\)\.(map|filter|some|every|find|toArray|reduce|take|drop|forEach|flatMap)\(`),
	"methods of sets (Chrome 122, Safari 17, Firefox 127)": regexp.MustCompile(
		`\.(isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference|intersection|union|difference)\(`),
	"well-formed strings (Chrome 111)":       regexp.MustCompile(`\.(isWellFormed|toWellFormed)\(`),
	"Intl.DurationFormat (Chrome 129)":       regexp.MustCompile(`Intl\.DurationFormat`),
	"streams read by for await (Chrome 124)": regexp.MustCompile(`for await`),
	"lookbehind (Safari 16.4)":               regexp.MustCompile(`\(\?<[=!]`),
	"static blocks (Safari 16.4)":            regexp.MustCompile(`static \{`),
	"popover, checkVisibility (Chrome 114)": regexp.MustCompile(
		`showPopover|togglePopover|checkVisibility`),
	"requestIdleCallback (no Safari)": regexp.MustCompile(`requestIdleCallback`),
	"what only a page by TLS has": regexp.MustCompile(
		`crypto\.(subtle|randomUUID)|navigator\.(clipboard|serviceWorker)`),
	"nested styles (Chrome 112, Safari 16.5, Firefox 117)": regexp.MustCompile(`(?m)^\s+&`),
	"colours mixed in styles (Chrome 111, Safari 16.2)":    regexp.MustCompile(`color-mix\(|light-dark\(|oklch\(`),
}

func TestConsoleNeedsNoNewerBrowserThanPeopleHave(t *testing.T) {
	names, err := fs.Glob(source, "assets/*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range append(names, "index.html") {
		b, err := source.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, pattern := range newer {
			if found := pattern.FindIndex(b); found != nil {
				t.Errorf("%s, line %d, needs %s", name, strings.Count(string(b[:found[0]]), "\n")+1, what)
			}
		}
	}
}

// A browser that cannot read the scripts shows what the page itself holds.
func TestABrowserThatIsTooOldIsToldWhatTheConsoleNeeds(t *testing.T) {
	page, _ := Find("/")
	if !strings.Contains(string(page.Body), "Chrome 109, Firefox 115 or Safari 16") {
		t.Error("the page does not say which browsers it needs")
	}
}

// People read times in a zone that the code chose: a station's own, or UTC where it stands beside it.
func TestConsoleShowsEachTimeOfDayInANamedZone(t *testing.T) {
	zoneless := regexp.MustCompile(`\btime\((?:[^(),]|\([^()]*\))*\)`)
	names, err := fs.Glob(source, "assets/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := source.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := zoneless.Find(b); found != nil {
			t.Errorf("%s: %s names no zone", name, found)
		}
		if name == "assets/stations.js" && strings.Contains(string(b), "UTC") {
			t.Errorf("%s shows a station's times in UTC", name)
		}
	}
}

// Behind a proxy the console may be below a path: what its files ask for is relative to where they are.
func TestConsoleFindsItsFilesBelowAnyPath(t *testing.T) {
	page, _ := Find("/")
	for _, link := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(string(page.Body), -1) {
		if strings.HasPrefix(link[1], "/") || strings.Contains(link[1], "://") {
			t.Errorf("the page asks for %s", link[1])
		}
		if _, there := Find("/" + strings.TrimPrefix(link[1], "./")); !there && path.Dir(link[1]) != "." &&
			!strings.HasPrefix(link[1], "#") {
			t.Errorf("the page asks for %s, which is not there", link[1])
		}
	}
	names, _ := fs.Glob(source, "assets/*.js")
	for _, name := range names {
		b, _ := source.ReadFile(name)
		if at := regexp.MustCompile("['\"`]/(v1|console|docs|openapi)").FindString(string(b)); at != "" {
			t.Errorf("%s names the absolute path %s…", name, at)
		}
	}
}
