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

// Media makes addresses of recordings that open without a token, for players that can send none, and tells whose such
// an address is.
type Media struct {
	key  []byte
	base string
	life time.Duration
	now  func() time.Time
}

// NewMedia signs with key, the same in all replicas and after a restart. publicURL is where stations reach the
// service. An address opens for at least life, which must outlast a day's list that is fetched as the day begins, and
// for at most a third longer.
func NewMedia(key []byte, publicURL string, life time.Duration, now func() time.Time) *Media {
	return &Media{key, strings.TrimRight(publicURL, "/"), life, now}
}

// Expires is when an address that is made now stops opening. It moves in steps of a third of the life, so that a list
// that is asked for again within one is the same to the byte.
func (m *Media) Expires() time.Time {
	step := max(m.life/3, time.Second)
	return m.now().Truncate(step).Add(m.life + step).Truncate(time.Second)
}

// URL is the absolute address of a recording for one station, good until expires or as long as a token is: the one
// with this id, with which its list was fetched.
func (m *Media) URL(station, token, hash string, expires time.Time) string {
	exp := strconv.FormatInt(expires.Unix(), 10)
	owner := station + ownerSeparator + token
	sig := owner + "." + base64.RawURLEncoding.EncodeToString(m.sum(owner, hash, exp))
	return m.base + wire.Audio(hash) + "?" + url.Values{"exp": {exp}, "sig": {sig}}.Encode()
}

// Host is where the service is reached, without the port.
func (m *Media) Host() string {
	u, err := url.Parse(m.base)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// ownerSeparator stands between the station and the token of an address; it is in no id. Addresses of releases without
// it name the station alone.
const ownerSeparator = "~"

// Authenticate answers the station that an address was made for, as an actor that may do what that station's token may;
// the caller sees to it that this is no more than to read this recording, and that Access.Holds does not fail. It fails
// with Unauthenticated, and with Forbidden when the address was good once.
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
		return Actor{}, fault.New(fault.Forbidden, "this media address was good until %s: fetch the list again",
			until.UTC().Format(time.RFC3339))
	}
	station, token, _ := strings.Cut(owner, ownerSeparator)
	return Actor{Name: station + " by media address", Role: StationJob, Token: token, Station: station,
		Address: sig}, nil
}

// sum binds a signature to owner, recording and expiry. None of the parts can hold a line feed and be good.
func (m *Media) sum(owner, sha256hex, exp string) []byte {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte("lifeline.media/1\n" + owner + "\n" + sha256hex + "\n" + exp))
	return mac.Sum(nil)
}
