package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/internal/rig"
	"lifeline/internal/wire"
)

// spoiled are the ways in which a link can be bad.
func spoiled(p *rig.Proxy) map[string]func() {
	return map[string]func(){"cut": p.Cut, "reset": p.Reset, "half-open": p.HalfOpen,
		"slow close": func() { p.SlowClose(time.Minute) }, "latency": func() { p.Latency(time.Minute) }}
}

// patience is how long a request may take over a bad link; a call of the store ends after storePatience.
const patience = 3 * storePatience

func later(t *testing.T, what string, a answer, began time.Time) {
	t.Helper()
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %v %s", what, a.status, a.header, a.body)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("%s: it took %v", what, took)
	}
}

// With a bad link to Redis changes fail in words and in time, stations get their queue from memory, and the service
// gets over it by itself.
func TestBadLinkToRedisIsSaidAndGotOver(t *testing.T) {
	server := rig.StartRedis(t, rig.Durable...)
	c := onRedis(t, server)
	p := rig.StartProxy(t, server.Addr)
	c.Store = "redis://" + p.Addr
	h := start(t, c)
	if r, err := h.scheduler.Plan(t.Context(), crashRequest(1)); err != nil || r[0].Problem != nil {
		t.Fatalf("plan: %v %+v", err, r)
	}
	if r, err := h.scheduler.Publish(t.Context(), crashRequest(1)); err != nil || r[0].Problem != nil {
		t.Fatalf("publish: %v %+v", err, r)
	}
	queue := wire.Station(crashStation, "queue") + "?date=" + crashDay
	before := h.do("GET", queue, h.secrets["scheduler"], nil, nil)
	for name, spoil := range spoiled(p) {
		spoil()
		began := time.Now()
		plan := h.do("POST", wire.Station(crashStation, "rundowns", crashDay, "plan"), h.secrets["scheduler"], nil, nil)
		later(t, name, plan, began)
		if got := h.do("GET", queue, h.secrets["scheduler"], nil, nil); got.status != http.StatusOK || !bytes.Equal(got.body, before.body) {
			t.Errorf("%s: the queue: %d", name, got.status)
		}
		p.Pass()
		began = time.Now()
		for plan.status != http.StatusOK && time.Since(began) < patience {
			plan = h.do("POST", wire.Station(crashStation, "rundowns", crashDay, "plan"), h.secrets["scheduler"], nil, nil)
		}
		if plan.status != http.StatusOK {
			t.Errorf("%s: afterwards: %d %s", name, plan.status, plan.body)
		}
	}
}

// With a bad link to the bucket, audio fails likewise.
func TestBadLinkToTheBucketIsSaidAndGotOver(t *testing.T) {
	bucket := rig.StartBucket(t)
	p := rig.StartProxy(t, strings.TrimPrefix(bucket.Endpoint, "http://"))
	c := serveDefaults(filepath.Join(t.TempDir(), "data"))
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(bucket.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Audio = "s3+http://" + p.Addr + "/" + bucket.Name
	c.S3.AccessKey, c.S3.SecretKeyFile, c.S3.Silence = bucket.AccessKey, secret, time.Second
	h := start(t, c)
	s, err := h.producer.Upload(t.Context(), promo("here"), uniqueSample(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	sound, err := io.ReadAll(uniqueSample(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range spoiled(p) {
		spoil()
		began := time.Now()
		later(t, name, h.do("GET", wire.Audio(s.Recording.SHA256), h.secrets["producer"], nil, nil), began)
		p.Pass()
		got := h.do("GET", wire.Audio(s.Recording.SHA256), h.secrets["producer"], nil, nil)
		if got.status != http.StatusOK || !bytes.Equal(got.body, sound) || got.header.Get("Content-Length") != strconv.Itoa(len(sound)) {
			t.Errorf("%s: afterwards: %d, %d bytes", name, got.status, len(got.body))
		}
	}
}
