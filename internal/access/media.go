package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// Media creates addresses of recordings that work without a token, for players that cannot send one, and returns the
// owner of such an address.
type Media struct {
	key  []byte
	base string
	life time.Duration
	now  func() time.Time
}

// NewMedia returns a Media that signs with key, which must be equal in all replicas and after a restart. publicURL is
// the address at which stations reach the service. An address is valid for at least life, which must exceed the length
// of a day's list that is fetched at the beginning of the day, and for at most a third longer.
func NewMedia(key []byte, publicURL string, life time.Duration, now func() time.Time) *Media {
	return &Media{key, strings.TrimRight(publicURL, "/"), life, now}
}

// Expires returns the expiry of an address that is created now. It moves in steps of a third of the life, so that a
// list fetched again within a step is identical.
func (m *Media) Expires() time.Time {
	step := max(m.life/3, time.Second)
	return m.now().Truncate(step).Add(m.life + step).Truncate(time.Second)
}

// URL returns the absolute address of a recording for one station. It is valid until expires, but no longer than the
// token with the given id, with which its list was fetched.
func (m *Media) URL(station, token, hash string, expires time.Time) string {
	exp := strconv.FormatInt(expires.Unix(), 10)
	owner := station + ownerSeparator + token
	sig := owner + "." + base64.RawURLEncoding.EncodeToString(m.sum(owner, hash, exp))
	return m.base + wire.Audio(hash) + "?" + url.Values{"exp": {exp}, "sig": {sig}}.Encode()
}

// Host returns the host of the service, without the port.
func (m *Media) Host() string {
	u, err := url.Parse(m.base)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// ownerSeparator separates the station and the token in an address; no id contains it. Addresses of earlier releases
// contain no separator and only the station.
const ownerSeparator = "~"

// Authenticate returns the station for which an address was created, as an actor with the permissions of that station's
// token. The caller must restrict these to reading this recording, and must check Access.Holds. Authenticate fails with
// Unauthenticated, and with Forbidden if the address has expired.
func (m *Media) Authenticate(hash, exp, sig string) (Actor, error) {
	bad := fault.New(fault.Unauthenticated, "this media address was not signed here: fetch the list again")
	dot := strings.LastIndexByte(sig, '.')
	if dot < 0 {
		return Actor{}, bad
	}
	owner := sig[:dot]
	given, err := base64.RawURLEncoding.Strict().DecodeString(sig[dot+1:])
	if err != nil || !hmac.Equal(given, m.sum(owner, hash, exp)) {
		return Actor{}, bad
	}
	seconds, err := strconv.ParseInt(exp, 10, 64)
	if err != nil {
		return Actor{}, bad
	}
	if until := time.Unix(seconds, 0); !m.now().Before(until) {
		return Actor{}, fault.New(fault.Forbidden, "this media address was valid until %s: fetch the list again",
			until.UTC().Format(time.RFC3339))
	}
	station, token, _ := strings.Cut(owner, ownerSeparator)
	return Actor{Name: station + " by media address", Role: StationJob, Token: token, Station: station,
		Address: sig}, nil
}

// sum returns the signature over owner, recording and expiry. No valid part contains a line feed.
func (m *Media) sum(owner, sha256hex, exp string) []byte {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte("lifeline.media/1\n" + owner + "\n" + sha256hex + "\n" + exp))
	return mac.Sum(nil)
}
