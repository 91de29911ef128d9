package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// sensitive changes whether the segment m3 is sensitive, and returns the part of an address that names its recording.
func (n *named) sensitive(is bool) string {
	n.t.Helper()
	seg, err := n.parts.Library.Segments.Edit(n.t.Context(), access.System, "m3", nil, func(s *schedules.Segment) {
		s.Sensitive = is
	})
	n.must(err)
	return seg.Recording.SHA256 + ".mp3?"
}

// addressOf returns the media address of m3 in the list that a token gets.
func (n *named) addressOf(secret, file string) string {
	n.t.Helper()
	list := n.addresses(secret)
	at := slices.IndexFunc(list, func(address string) bool { return strings.Contains(address, file) })
	if at < 0 {
		n.t.Fatalf("no %s in %v", file, list)
	}
	return list[at]
}

func TestMediaAddressGivesASensitiveRecordingOnlyToWhoMayHearIt(t *testing.T) {
	n := newNamed(t)
	n.tokens["station"] = n.stationToken().Secret
	held, file := map[string]string{}, n.sensitive(false)
	for who, secret := range n.tokens {
		if strings.HasPrefix(who, "viewer-") || strings.HasPrefix(who, "scheduler-") || who == "station" {
			held[who] = n.addressOf(secret, file)
			if got := fetch(n.handler, held[who], here); got != http.StatusOK {
				t.Fatalf("before it became sensitive, by %s: %d", who, got)
			}
		}
	}
	n.sensitive(true)
	for who, address := range held {
		want := http.StatusForbidden
		if knows(who) || who == "station" {
			want = http.StatusOK
		}
		before := len(n.audit("segment.listen"))
		if got := fetch(n.handler, address, here); got != want {
			t.Errorf("an address that %s held: %d, want %d", who, got, want)
		}
		heard := n.audit("segment.listen")[:len(n.audit("segment.listen"))-before]
		if knows(who) != slices.ContainsFunc(heard, func(c store.Change) bool { return c.Person == who }) {
			t.Errorf("the audit of %s, who held an address: %+v", who, heard)
		}
	}
}

func TestPlainListLeavesOutWhatBecameSensitiveAfterItWasPublished(t *testing.T) {
	n := newNamed(t)
	secret, file := n.stationToken().Secret, n.sensitive(false)
	n.addressOf(secret, file)
	n.sensitive(true)
	w := n.do(http.MethodGet, "/v1/stations/s/queue.m3u", "", "Authorization", "Bearer "+secret)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), file) {
		t.Errorf("the list still names it: %d %s", w.Code, w.Body)
	}
}
