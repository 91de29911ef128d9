// Package webhook sends signed messages to external services by the Standard Webhooks scheme. It prevents their use to
// reach addresses that only this machine's network can reach.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"lifeline/internal/webhooks"
)

// limit bounds one attempt, from the name look-up to the end of the response.
const limit = 10 * time.Second

// maxAnswer is how much of a response's body is read, and discarded, so that the connection can be reused.
const maxAnswer = 16 << 10

// errInner rejects an address that webhooks must not reach.
var errInner = errors.New("the address is within a network that webhooks may not reach")

// Poster sends messages. It is safe for concurrent use.
type Poster struct {
	open  *http.Client // with TLS, to public and allowed addresses
	inner *http.Client // without TLS, to allowed addresses

	guardian *ssrf.Guardian
	networks []netip.Prefix
}

// NewPoster returns a Poster that reaches public addresses with TLS, and addresses in networks with or without TLS.
func NewPoster(networks []netip.Prefix) *Poster {
	var v4, v6 []netip.Prefix
	for _, n := range networks {
		if n.Addr().Is4() {
			v4 = append(v4, n)
		} else {
			v6 = append(v6, n)
		}
	}
	guardian := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	// Addresses are checked when they are dialled, after the name look-up, so that no name can bypass the check.
	return &Poster{guardian: guardian, networks: networks,
		open: newClient(func(network, address string, c syscall.RawConn) error {
			if guardian.Safe(network, address, c) != nil {
				return errInner
			}
			return nil
		}),
		inner: newClient(func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(at.Addr()) }) {
				return errInner
			}
			return nil
		})}
}

// newClient returns a client that follows no redirect, which could lead anywhere, and uses no proxy, which would dial
// in its place.
func newClient(control func(network, address string, c syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: limit / 2, Control: control}
	return &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: limit / 2, ForceAttemptHTTP2: true,
			MaxIdleConns: 32, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Post implements webhooks.Poster.
func (p *Poster) Post(ctx context.Context, m webhooks.Message) (webhooks.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return webhooks.Reply{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Lifeline")
	r.Header.Set("Webhook-Id", m.ID)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(m.At.Unix(), 10))
	signature, err := sign(m)
	if err != nil {
		return webhooks.Reply{}, err
	}
	r.Header.Set("Webhook-Signature", signature)
	client := p.open
	if r.URL.Scheme == "http" {
		client = p.inner
	}
	resp, err := client.Do(r)
	if err != nil {
		return webhooks.Reply{}, err
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, maxAnswer) // a long or broken rest only costs the connection
	return webhooks.Reply{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), m.At)}, nil
}

// sign returns the webhook-signature of a message: for each secret, the HMAC-SHA256 of its id, its time in seconds and
// its body, separated by dots (Standard Webhooks, "Signature scheme", v1).
func sign(m webhooks.Message) (string, error) {
	var out []string
	for _, secret := range m.Secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			return "", fmt.Errorf("webhook: secret: %w", err)
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.", m.ID, m.At.Unix())
		mac.Write(m.Body)
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(out, " "), nil
}

// retryAfter parses seconds, or an instant (RFC 9110, section 10.2.3). It returns 0 for anything else.
func retryAfter(v string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
