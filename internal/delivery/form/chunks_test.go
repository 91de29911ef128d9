package form

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
)

// read runs a program that reads the file, and returns what it says.
func read(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// says looks for lines in what a program said, whatever space is in them.
func says(t *testing.T, said string, lines ...string) {
	t.Helper()
	squeezed := strings.Join(strings.Fields(said), " ")
	for _, line := range lines {
		if !strings.Contains(squeezed, line) {
			t.Errorf("%q is not in:\n%s", line, said)
		}
	}
}

var (
	airing = Occasion{Station: "harbour", Window: "dawn", StartAt: time.Date(2026, 12, 31, 15, 30, 0, 0, time.UTC),
		EndAt: time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC), FrequencyKHz: 7205, Revision: 4}
	madeAt   = time.Date(2026, 12, 30, 23, 15, 7, 0, time.UTC)
	loudness = -23.04
	peak     = -2.5
	measured = Measured{Length: 30 * time.Minute, IntegratedLUFS: &loudness, TruePeakDBTP: &peak}
)

func wavContract(channels int) Contract {
	return Contract{ID: "relay", Station: "harbour", Broadcaster: "Lifeline", Programme: "The Appeal",
		Audio:    Coding{Codec: WAV, Rate: 48_000, Channels: channels},
		Naming:   Naming{Template: "{date}", Zone: "Asia/Seoul"},
		Metadata: []Metadata{BWF, Cart}}
}

// wav writes a file with those samples for each channel.
func wav(t *testing.T, c Contract, frames int) string {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	chunks, err := c.Chunks(airing, measured, madeAt, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	b, err := WAVHead(c.Audio, int64(frames), chunks...)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, make([]byte, frames*c.Audio.Channels*SampleBytes)...)
	if c.Audio.Pads(int64(frames)) {
		b = append(b, 0)
	}
	file := filepath.Join(t.TempDir(), "a.wav")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOtherProgramsReadTheChunksOfAWAVFile(t *testing.T) {
	file := wav(t, wavContract(2), 4801)
	// Seoul is nine hours ahead: the airing is on the first of January there.
	says(t, read(t, "sndfile-info", "--cart", file), "Version : 0101", "Title : The Appeal 2027-01-01",
		"Artist : Lifeline", "Cut id : 20261231T153000Z/4/harbour/dawn", "App id : Lifeline",
		"App version : 1.2.3", "Start date : 2027-01-01", "Start time : 00:30:00", "End date : 2027-01-01",
		"End time : 01:00:00", "Level ref. : 32768")
	says(t, read(t, "sndfile-info", "--broadcast", file), "Description : The Appeal 2027-01-01", "Originator : Lifeline",
		"Origination ref : 20261231T153000Z/4/harbour/dawn", "Origination date : 2026-12-31", "Origination time : 08:15:07",
		"BWF version : 2", "Coding history : A=PCM,F=48000,W=16,M=stereo,T=Lifeline 1.2.3", "Loudness value : -23.04",
		"Max. true peak level : -2.50")
	says(t, read(t, "ffprobe", "-v", "error", "-of", "default=nw=1", "-show_entries",
		"stream=codec_name,sample_rate,channels,duration_ts:format_tags", file),
		"codec_name=pcm_s16le", "sample_rate=48000", "channels=2", "duration_ts=4801",
		"TAG:encoded_by=Lifeline", "TAG:date=2026-12-31", "TAG:comment=The Appeal 2027-01-01")
	says(t, read(t, "soxi", "-s", file), "4801")
}

func TestAWAVFileWithoutChunksAndWithOddSizesIsWhole(t *testing.T) {
	c := wavContract(1)
	c.Broadcaster = "An odd one"
	for _, metadata := range [][]Metadata{nil, {BWF}, {Cart}} {
		c.Metadata = metadata
		for _, frames := range []int{0, 1, 777} {
			file := wav(t, c, frames)
			says(t, read(t, "soxi", "-s", file), fmt.Sprint(frames))
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			size := int(b[4]) | int(b[5])<<8 | int(b[6])<<16
			if size != len(b)-8 || size%2 == 1 {
				t.Errorf("%v, %d samples: the header says %d of %d bytes", metadata, frames, size, len(b)-8)
			}
		}
	}
	if _, err := WAVHead(c.Audio, 1<<31); err == nil {
		t.Error("a file of 4 GiB was begun")
	}
}

func TestOtherProgramsReadTheTagOfAnMP3File(t *testing.T) {
	c := wavContract(1)
	c.Audio, c.Metadata = Coding{Codec: MP3, Rate: 22_050, Channels: 1, Kbps: 32}, []Metadata{ID3}
	c.Programme = "여기는 호소"
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bare := filepath.Join(dir, "bare.mp3")
	read(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-ar", "22050", "-b:a", "32k", "-write_xing", "0",
		"-id3v2_version", "0", bare)
	frames, err := os.ReadFile(bare)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a.mp3")
	if err := os.WriteFile(file, append(c.ID3Tag(airing, measured), frames...), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, read(t, "ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "default=nw=1", file),
		"TAG:title=여기는 호소 2027-01-01", "TAG:artist=Lifeline", "TAG:album=여기는 호소", "TAG:date=2026-12-31 15:30",
		"TAG:TLEN=1800000", "TAG:START=2026-12-31T15:30:00Z", "TAG:END=2026-12-31T16:00:00Z",
		"TAG:REFERENCE=20261231T153000Z/4/harbour/dawn")
	says(t, read(t, "mpg123", "-t", "--utf8", file), "Title: 여기는 호소 2027-01-01")
}

func TestSidecarsSayWhatTheFileIs(t *testing.T) {
	c := wavContract(2)
	c.Sidecars = []Sidecar{{Kind: SHA256}, {Kind: MD5, Ending: ".MD5"}, {Kind: JSON, Instead: true}, {Kind: Rundown},
		{Kind: Trigger, Ending: ".go", Instead: true}}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	dir, content := t.TempDir(), []byte("the samples")
	sums, err := Sum(bytes.NewReader(content))
	if err != nil || sums.Bytes != 11 {
		t.Fatal(sums, err)
	}
	files, err := c.Beside("20270101.wav", airing, sums, measured,
		[]CueLine{{0, 90 * time.Second, "Sign-on"}, {90 * time.Second, time.Hour, "A title\tin\r\ntwo lines"}})
	if err != nil || len(files) != 5 {
		t.Fatal(files, err)
	}
	files["20270101.wav"] = content
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := exec.CommandContext(t.Context(), "sh", "-c", "sha256sum -c 20270101.wav.sha256 && md5sum -c 20270101.wav.MD5")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	var d description
	sum := sha256.Sum256(content)
	if err := json.Unmarshal(files["20270101.json"], &d); err != nil || d.SHA256 != hex.EncodeToString(sum[:]) ||
		d.StartAt != schedules.At(airing.StartAt) || d.Length.Duration != measured.Length || *d.Integrated != -23 {
		t.Errorf("%s, %v", files["20270101.json"], err)
	}
	if got, want := string(files["20270101.wav.txt"]),
		"0:00:00\t0:01:30\tSign-on\r\n0:01:30\t1:00:00\tA title in two lines\r\n"; got != want {
		t.Errorf("%q", got)
	}
	if b, there := files["20270101.go"]; !there || len(b) > 0 || c.TriggerName("20270101.wav") != "20270101.go" {
		t.Errorf("the trigger: %q", b)
	}
}
