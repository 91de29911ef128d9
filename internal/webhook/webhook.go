// Package webhook sends signed messages to other people's services by the Standard Webhooks scheme, and lets nobody
// use it to reach what only this machine's network reaches.
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

// limit bounds one attempt, from the look-up of the name to the end of the answer.
const limit = 10 * time.Second

// maxAnswer is how much of an answer's body is read, so that the connection can be used again; nothing is made of it.
const maxAnswer = 16 << 10

// errInner is an address that is not for webhooks.
var errInner = errors.New("the address is within a network that webhooks may not reach")

// Poster sends messages. It is safe for concurrent use.
type Poster struct {
	open  *http.Client // by TLS, to public addresses and those that are allowed
	inner *http.Client // without, to those that are allowed

	guardian *ssrf.Guardian
	networks []netip.Prefix
}

// NewPoster reaches public addresses by TLS, and those within networks with or without.
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
	// An address is looked at when it is dialled, after its name was looked up, so that no name leads astray.
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

// newClient follows no redirection, which could lead anywhere, and asks no proxy, which would dial for it.
func newClient(control func(network, address string, c syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: limit / 2, Control: control}
	return &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: limit / 2, ForceAttemptHTTP2: true,
			MaxIdleConns: 32, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Post is part of control.Poster.
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
	io.CopyN(io.Discard, resp.Body, maxAnswer) // what is left of it, or wrong with it, costs the connection alone
	return webhooks.Reply{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), m.At)}, nil
}

// sign is the webhook-signature of a message: for each secret, the HMAC-SHA256 of its id, its time in seconds and its
// body, with dots between (Standard Webhooks, "Signature scheme", v1).
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

// retryAfter reads seconds, or an instant (RFC 9110, section 10.2.3); 0 is neither.
func retryAfter(v string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
