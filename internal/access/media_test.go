package access

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
)

const recording = "0f5d"

func TestAMediaAddressOpensOneRecordingForOneStationUntilItsEnd(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	m := NewMedia([]byte("key"), "https://lifeline.example:8443/radio/", time.Hour, func() time.Time { return now })
	if m.Host() != "lifeline.example" {
		t.Errorf("host %q", m.Host())
	}
	expires := m.Expires()
	if expires.Before(now.Add(time.Hour)) || expires.After(now.Add(80*time.Minute)) {
		t.Errorf("an address made at %v ends at %v", now, expires)
	}
	address, err := url.Parse(m.URL("relay", "t1", recording, expires))
	if err != nil || !strings.HasPrefix(address.String(), "https://lifeline.example:8443/radio/") ||
		!strings.Contains(address.Path, recording) {
		t.Fatal(address, err)
	}
	exp, sig := address.Query().Get("exp"), address.Query().Get("sig")
	if by, err := m.Authenticate(recording, exp, sig); err != nil || by.Station != "relay" || by.Role != StationJob ||
		by.Token != "t1" || by.Address != sig {
		t.Errorf("%+v, %v", by, err)
	}
	for what, bad := range map[string][3]string{
		"another recording": {"ffff", exp, sig}, "another end": {recording, exp + "0", sig}, "another station": {recording,
			exp, strings.Replace(sig, "relay", "other", 1)},
		"another token": {recording, exp, strings.Replace(sig, "t1", "t2", 1)},
		"no token":      {recording, exp, strings.Replace(sig, "~t1", "", 1)},
		"no station":    {recording, exp, "sig"}, "no signature": {recording, exp, "relay."}, "no base64": {recording, exp,
			"relay.!"},
	} {
		if _, err := m.Authenticate(bad[0], bad[1], bad[2]); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	now = expires
	if _, err := m.Authenticate(recording, exp, sig); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(),
		"fetch the list again") {
		t.Errorf("after its end: %v", err)
	}
}

// A list that is fetched again soon is identical.
func TestMediaAddressesStayTheSameForAWhile(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	m := NewMedia([]byte("key"), "https://x", 3*time.Hour, func() time.Time { return now })
	before := m.Expires()
	now = now.Add(59 * time.Minute)
	if !m.Expires().Equal(before) {
		t.Errorf("%v, then %v", before, m.Expires())
	}
	now = now.Add(2 * time.Minute)
	if m.Expires().Equal(before) {
		t.Error("it never moves on")
	}
	if host := NewMedia(nil, "https://[::1", time.Hour, time.Now).Host(); host != "" {
		t.Errorf("an address that cannot be read has the host %q", host)
	}
}
