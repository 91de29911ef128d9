package cmdline

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestABundleThatLacksDaysNamesThemAndIsNoSuccess(t *testing.T) {
	day := func(text ...string) (out []netip.Addr) { // any type with a String method
		for _, one := range text {
			out = append(out, netip.MustParseAddr(one))
		}
		return out
	}
	for _, c := range []struct {
		held, missing []netip.Addr
		code          int
		says          string
	}{
		{day("::1", "::2"), nil, Done, ""},
		{day("::1"), day("::2", "::3"), Partly, "lacks ::2, ::3"},
		{nil, day("::2", "::3"), Nothing, "has no day"},
	} {
		var out bytes.Buffer
		err := Bundled(&out, "week.tar", "dawn", c.held, c.missing, "It carries no secrets")
		if CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, %v: %v", c.held, c.missing, err)
		}
		if !strings.HasPrefix(out.String(), "week.tar: dawn: ") || len(c.held) > 1 && !strings.Contains(out.String(),
			"::1, ::2") {
			t.Errorf("%q", out.String())
		}
		if !strings.HasSuffix(out.String(), "\nIt carries no secrets.\n") {
			t.Errorf("what is left out is not told: %q", out.String())
		}
	}
}
