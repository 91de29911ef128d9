package endtoend

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/harness"
	"lifeline/internal/hashchain"
	"lifeline/internal/service"
	"lifeline/internal/wire"
)

// A person and a testimony that were planned, published, aired, sealed and edited are erased. Afterwards no file of the
// service, and none of its store, has a byte of the recording or the name, and the record still verifies.
func TestErasedPersonIsInNoFileAndTheRecordVerifies(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		c := serveDefaults(furnish(t))
		erasesPerson(t, c, c.Data)
	})
	t.Run("redis", func(t *testing.T) {
		server := harness.StartRedis(t, harness.Durable...)
		c := onRedis(t, server)
		client := goredis.NewClient(&goredis.Options{Addr: server.Addr, Protocol: 2, DisableIdentity: true})
		dir, err := client.ConfigGet(t.Context(), "dir").Result()
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		erasesPerson(t, c, c.Data, dir["dir"])
	})
}

func erasesPerson(t *testing.T, c config.Serve, places ...string) {
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
	sound := piecesOf(t, segment)
	if len(having(t, sound, places, witness)) < 2 {
		t.Fatal("the search finds nothing before the erasure")
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
	for deadline := time.Now().Add(4 * time.Minute); e.State != "done"; {
		if time.Now().After(deadline) {
			t.Fatalf("not done: %+v", e)
		}
		since := h.service.Replica.Sequence()
		asks.json(&e, "erase", "show", e.ID)
		if e.State != "done" {
			if _, err := h.service.Replica.Changes(t.Context(), since); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := having(t, sound, places, witness, title, name); len(left) > 0 {
		t.Errorf("found in %q", left)
	}
	var keys wire.Keys
	h.get("/v1/keys", &keys)
	var proof hashchain.Proof
	reads := terminalOf{h, t, h.secrets["scheduler"]}
	reads.json(&proof, "verify", "--trust="+keys.Keys[0].PublicKey)
	if len(proof.Differences) > 0 || proof.Records == 0 || proof.Erased == 0 || proof.Entries == 0 ||
		len(proof.Replaced) == 0 || proof.Replaced[0].Erasure != e.ID {
		t.Errorf("the record does not verify: %+v", proof)
	}
	var report wire.AiringReport
	reads.json(&report, "report", "--from", past, "--to", "2025-11-26", "--group", "segment")
	if b, err := json.Marshal(report.Rows); err != nil || !strings.Contains(string(b), segment) {
		t.Errorf("the report of the day has %s, %v", b, err)
	}
	h.stop()
	if left := having(t, sound, places, witness, title, name); len(left) > 0 {
		t.Errorf("after the service has ended, found in %q", left)
	}
}

// having returns the files below the places that have a piece of a recording, or one of the texts in some form.
func having(t *testing.T, sound [][]byte, places []string, texts ...string) (files []string) {
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
			for _, form := range searched {
				if at := bytes.Index(content, form); at >= 0 {
					files = append(files, fmt.Sprintf("%s: %.200s", path, content[max(0, at-60):]))
					return err
				}
			}
			for _, piece := range sound {
				if bytes.Contains(content, piece) {
					files = append(files, path+": the recording")
					return err
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

// piecesOf returns pieces of a sample that no other sample has, as silence is the same everywhere.
func piecesOf(t *testing.T, segment string) (pieces [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "audio", "samples", "*.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	var others []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) != segment+".mp3" {
			others = append(others, content...)
			continue
		}
		for at := 0; at+32 <= len(content); at += max(32, len(content)/40) {
			pieces = append(pieces, content[at:at+32])
		}
	}
	pieces = slices.DeleteFunc(pieces, func(p []byte) bool { return bytes.Contains(others, p) })
	if len(pieces) < 10 {
		t.Fatalf("%s has only %d pieces of its own", segment, len(pieces))
	}
	return pieces
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
