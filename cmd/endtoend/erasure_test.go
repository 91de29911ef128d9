package endtoend

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/config"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/hashchain"
	"lifeline/internal/mirror"
	"lifeline/internal/playout"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/service"
	"lifeline/internal/wire"
)

// A person and a testimony that were planned, published, aired, sealed, edited, mirrored, backed up and fetched by a
// player are erased. Afterwards no file of the service, its store, its bucket with all versions, the mirror and the
// player has a byte of the recording or the name, the old backup does not open, and the record still verifies.
func TestErasedPersonIsInNoFileAndTheRecordVerifies(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		c := serveDefaults(furnish(t))
		erasesPerson(t, c, []string{"--data", c.Data}, c.Data)
	})
	t.Run("redis and a bucket with versions", func(t *testing.T) {
		server, bucket := harness.StartRedis(t, harness.Durable...), harness.StartVersionedBucket(t)
		c := onBucket(t, bucket, strings.TrimPrefix(bucket.Endpoint, "http://"))
		c.Store, c.PublicURL, c.Redis.Prefix = "redis://"+server.Addr, "https://lifeline.example", "lifeline"
		c.S3.Silence = 10 * time.Second
		where := []string{"--data", c.Data, "--store", c.Store, "--audio", c.Audio, "--s3-access-key", c.S3.AccessKey,
			"--s3-secret-key-file", c.S3.SecretKeyFile}
		moved := filepath.Join(t.TempDir(), "furnished.tar")
		succeed(t, "backup", "--plain", "--data", furnish(t), "--with-audio", "--with-keys", moved)
		succeed(t, append([]string{"restore", moved}, where...)...)
		client := goredis.NewClient(&goredis.Options{Addr: server.Addr, Protocol: 2, DisableIdentity: true})
		dir, err := client.ConfigGet(t.Context(), "dir").Result()
		if err = errors.Join(err, client.Close()); err != nil {
			t.Fatal(err)
		}
		erasesPerson(t, c, where, c.Data, dir["dir"], bucket.Files, bucket.Earlier)
	})
}

// elsewhere is what has a recording outside of a service: a station's player, a mirror, and a backup with its own key.
type elsewhere struct {
	*testing.T
	h              *house
	station, files string
	store          []string // flags that name the service's store
	admin          string
}

func newElsewhere(t *testing.T, h *house, station string, store []string) *elsewhere {
	t.Helper()
	admin := h.as("admin", access.NewToken{Name: "Ada", Role: access.Admin})
	e := &elsewhere{t, h, station, t.TempDir(), store, h.secrets["admin"]}
	code, err := admin.EnrolmentCode(t.Context(), station, 0)
	if err != nil {
		t.Fatal(err)
	}
	e.state(func(s *statedir.Dir) error {
		_, err := playout.Enrol(t.Context(), s, client.New(h.url, "", http.DefaultClient), code.Code, station, time.Now())
		return err
	})
	said := succeed(t, "key", "backup", e.at("safe.key"), "--plain")
	succeed(t, append([]string{"backup", "--with-audio", "--with-keys", "--recipient",
		regexp.MustCompile(`age1[0-9a-z]+`).FindString(said), "--own-keys", e.at("keys"), e.at("backup")}, store...)...)
	return e
}

func (e *elsewhere) at(name string) string { return filepath.Join(e.files, name) }

func (e *elsewhere) state(f func(*statedir.Dir) error) {
	e.Helper()
	s, err := statedir.Open(e.at("player"))
	if err == nil {
		err = errors.Join(f(s), s.Close())
	}
	if err != nil {
		e.Fatal(err)
	}
}

// update runs the player and a push to the mirror once. It returns the places of both: the mirror's as its station
// reads it.
func (e *elsewhere) update() []string {
	e.Helper()
	service, err := program()
	if err != nil {
		e.Fatal(err)
	}
	said, err := exec.CommandContext(e.Context(), filepath.Join(filepath.Dir(service), "playout"), "sync", "--once",
		"--server", e.h.url, "--station", e.station, "--state", e.at("player"), "--key", servedKey(e.h),
		"--lists", e.at("lists")).CombinedOutput()
	if err != nil {
		e.Fatalf("the player: %v: %s", err, said)
	}
	succeed(e.T, "mirror", "push", e.at("mirror"), "--server", e.h.url, "--token", e.admin, "--station", e.station,
		"--files", e.at("tree"), "--key", filepath.Join(e.h.config.Data, "signing.key"), "--keys",
		filepath.Join(e.h.config.Data, "keys"))
	opened := e.TempDir()
	e.state(func(s *statedir.Dir) error {
		own, err := playout.LoadIdentity(s)
		if err != nil {
			return err
		}
		n := 0
		for _, place := range []string{e.at("mirror"), e.at("tree")} {
			err = errors.Join(err, filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				content, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if plain, err := mirror.OpenBytes(content, 1<<30, own.Age()); err == nil {
					content = plain
				}
				n++
				return os.WriteFile(filepath.Join(opened, fmt.Sprint(n)), content, 0o600)
			}))
		}
		return err
	})
	return []string{e.at("player"), e.at("lists"), opened}
}

func erasesPerson(t *testing.T, c config.Serve, store []string, places ...string) {
	const (
		segment, station, past = "testimony-ko-river", "harbour-dawn", "2025-11-25"
		witness                = "리은혜-of-hoeryong"
		name                   = "리은혜"
		title                  = "강을 건넌 리은혜의 증언"
	)
	raised, err := service.OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(raised.Raise(t.Context(), "Ruth", time.Now()), raised.Close()); err != nil {
		t.Fatal(err)
	}
	h := start(t, c)
	h.patch(segment, map[string]any{"persons": []string{witness}, "title": title, "voice": name})
	s, err := h.editor.Segment(t.Context(), segment)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.editor.Approve(t.Context(), s, wire.Approval{Reason: "heard " + name}); err != nil {
		t.Fatal(err)
	}
	coming := time.Now().AddDate(0, 0, 3).Format(time.DateOnly)
	h.publish([]string{station}, past, coming)
	h.air(station, h.queue(station, past), 1, nil)
	if !h.sealed(station)[past] {
		t.Fatal("the day is not sealed")
	}
	sound := tracesOf(t, segment)
	other := newElsewhere(t, h, station, store)
	for _, held := range [][]string{places, other.update()} {
		for _, what := range []struct {
			traces traces
			text   string
		}{{sound, "no such text"}, {nil, title}} {
			if len(having(t, what.traces, held, what.text)) == 0 {
				t.Fatalf("before the erasure %v has nothing of %q", held, what.text)
			}
		}
	}
	h.second()
	_, err = access.NewMembers(h.service.Replica, time.Now).Set(t.Context(), access.System, "amos", nil,
		func(m *wire.Member) error { m.Sensitive = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	asks, confirms := terminalOf{h, t, h.secrets["producer"]}, terminalOf{h, t, h.secrets["second"]}
	var e wire.Erasure
	asks.json(&e, "erase", "ask", "--person", witness, "--name", name, "--reason", witness+" withdrew the consent")
	if len(e.Segments) != 1 || len(e.Recordings) != 1 || e.Recordings[0].SHA256 != s.Recording.SHA256 {
		t.Fatalf("the request does not list what goes: %+v", e)
	}
	if said, _, code := asks.run("erase", "confirm", e.ID); code == 0 {
		t.Fatalf("whoever asked confirmed: %s", said)
	}
	if got := h.do(http.MethodPost, wire.Erasures(e.ID)+"/confirm", h.secrets["editor"], nil,
		[]byte(`{"reason":"unseen"}`)); got.status != http.StatusPreconditionRequired {
		t.Fatalf("confirmed without a revision: %d %s", got.status, got.body)
	}
	confirms.json(&e, "erase", "confirm", e.ID)
	h.erased(asks, &e)
	if said, _, _ := asks.run("segments", segment); !strings.Contains(said, "erased for good at "+
		e.DecidedAt.UTC().Format(time.RFC3339)) {
		t.Errorf("the erased segment is shown as %s", said)
	}
	keysOfBackups, err := filepath.Glob(other.at("keys/*"))
	if err != nil || len(keysOfBackups) != 1 || os.Remove(keysOfBackups[0]) != nil {
		t.Fatalf("the backup has the keys %v, %v", keysOfBackups, err)
	}
	if code, said := command(t, "check-backup", "--identity", other.at("safe.key"), "--own-keys", other.at("keys"),
		other.at("backup")); code == 0 || !strings.Contains(said, "nothing opens it any more") {
		t.Errorf("the old backup: %d, %s", code, said)
	}
	places = append(append(places, other.update()...), other.at("backup"))
	if left := having(t, sound, places, witness, title, name); len(left) > 0 {
		t.Errorf("found in %q", left)
	}
	h.recordCloses(t, e, segment, past)
	h.stop()
	if code, out := command(t, append([]string{"fsck", "--quick"}, store...)...); code != 0 {
		t.Errorf("fsck: %d %s", code, out)
	}
	if left := having(t, sound, places, witness, title, name); len(left) > 0 {
		t.Errorf("after the service has ended, found in %q", left)
	}
}

// erased waits until an erasure is done.
func (h *house) erased(asks terminalOf, e *wire.Erasure) {
	t := h.t
	t.Helper()
	for deadline := time.Now().Add(4 * time.Minute); e.State != "done"; {
		if time.Now().After(deadline) {
			t.Fatalf("not done: %+v", e)
		}
		since := h.service.Replica.Sequence()
		asks.json(e, "erase", "show", e.ID)
		if e.State != "done" {
			if _, err := h.service.Replica.Changes(t.Context(), since); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// recordCloses checks that the record verifies after an erasure, and has the airing of a segment on a day.
func (h *house) recordCloses(t *testing.T, e wire.Erasure, segment, past string) {
	t.Helper()
	var keys wire.Keys
	h.get("/v1/keys", &keys)
	var proof hashchain.Proof
	reads := terminalOf{h, t, h.secrets["scheduler"]}
	reads.json(&proof, "verify", "--trust="+keys.Keys[0].PublicKey, "--accept-heads")
	if len(proof.Differences) > 0 || proof.Records == 0 || proof.Erased == 0 || proof.Entries == 0 ||
		len(proof.Replaced) == 0 || proof.Replaced[0].Erasure != e.ID {
		t.Errorf("the record does not verify: %+v", proof)
	}
	var report wire.AiringReport
	reads.json(&report, "report", "--from", past, "--to", "2025-11-26", "--group", "segment")
	if b, err := json.Marshal(report.Rows); err != nil || !strings.Contains(string(b), segment) {
		t.Errorf("the report of the day has %s, %v", b, err)
	}
}

// having returns the files below the places that have a piece of a recording, or one of the texts in some form, also
// where gzip compressed them.
func having(t *testing.T, sound traces, places []string, texts ...string) (files []string) {
	t.Helper()
	var searched [][]byte
	for _, text := range texts {
		searched = append(searched, formsOf(text)...)
	}
	for _, place := range places {
		err := filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, part := range append(unpacked(content), content) {
				if sound.in(part, nil) {
					files = append(files, path+": the recording")
					return err
				}
				for _, form := range searched {
					if at := bytes.Index(part, form); at >= 0 {
						files = append(files, fmt.Sprintf("%s: %.200s", path, part[max(0, at-60):]))
						return err
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// unpacked returns what gzip compressed anywhere in a file.
func unpacked(content []byte) (parts [][]byte) {
	for at := 0; ; at++ {
		next := bytes.Index(content[at:], []byte{0x1f, 0x8b, 8})
		if next < 0 {
			return parts
		}
		at += next
		if z, err := gzip.NewReader(bytes.NewReader(content[at:])); err == nil {
			z.Multistream(false)
			part, _ := io.ReadAll(io.LimitReader(z, 64<<20)) // what came of a broken one counts too
			parts = append(parts, part)
		}
	}
}

// traces are all blocks of a recording, so that each of its runs of 64 bytes has one.
type traces map[[block]byte]bool

const block = 32

// in reports whether content has one of the blocks at any place. Without found it stops at the first.
func (s traces) in(content []byte, found func([block]byte)) (any bool) {
	begins := map[[4]byte]bool{}
	for b := range s {
		begins[[4]byte(b[:4])] = true
	}
	for at := 0; at+block <= len(content); at++ {
		if !begins[[4]byte(content[at:at+4])] || !s[[block]byte(content[at:at+block])] {
			continue
		}
		if any = true; found == nil {
			return true
		}
		found([block]byte(content[at : at+block]))
	}
	return any
}

// tracesOf returns those of a sample that no other sample has, as silence is the same everywhere.
func tracesOf(t *testing.T, segment string) traces {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "audio", "samples", "*.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	own, others := traces{}, []byte(nil)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) != segment+".mp3" {
			others = append(others, content...)
			continue
		}
		for at := 0; at+block <= len(content); at += block {
			own[[block]byte(content[at:at+block])] = true
		}
	}
	all := len(own)
	own.in(others, func(b [block]byte) { delete(own, b) })
	if len(own) < all/2 {
		t.Fatalf("%s has only %d of %d blocks of its own", segment, len(own), all)
	}
	return own
}

// formsOf returns a text in the forms in which a file may have it.
func formsOf(text string) (out [][]byte) {
	var escaped, wide strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&escaped, `\u%04x`, u)
		wide.Write([]byte{byte(u), byte(u >> 8)})
	}
	out = [][]byte{[]byte(text), []byte(escaped.String()), []byte(wide.String()), []byte(hex.EncodeToString([]byte(text)))}
	for shift := range 3 { // of base64, what does not depend on its neighbours
		coded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), text...))
		out = append(out, []byte(coded[4:len(coded)-4]))
	}
	return out
}
