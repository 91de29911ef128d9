package form

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"lifeline/schedules"
)

// The endings of names that files have for a time.
const (
	Part  = ".part" // while a file is not whole yet
	Aside = ".old"  // while another takes its place
)

// usualEndings are the endings of sidecars where the contract gives none.
var usualEndings = map[SidecarKind]string{
	SHA256: ".sha256", MD5: ".md5", JSON: ".json", Rundown: ".txt", Trigger: ".ok",
}

// Name returns the name of the sidecar of a file.
func (s Sidecar) Name(file string) string {
	ending := s.Ending
	if ending == "" {
		ending = usualEndings[s.Kind]
	}
	if s.Instead {
		if dot := strings.LastIndexByte(file, '.'); dot > 0 {
			file = file[:dot]
		}
	}
	return file + ending
}

// Sums are the hashes of a file, in hexadecimal digits, with its size.
type Sums struct {
	Bytes  int64
	SHA256 string
	MD5    string
}

// Sum reads a file.
func Sum(r io.Reader) (Sums, error) {
	sha, md := sha256.New(), md5.New() // many sites check MD5, against broken transfers alone
	n, err := io.Copy(io.MultiWriter(sha, md), r)
	return Sums{n, hex.EncodeToString(sha.Sum(nil)), hex.EncodeToString(md.Sum(nil))}, err
}

// CueLine is one line of a rundown as text.
type CueLine struct {
	At     time.Duration // from the beginning of the file
	Length time.Duration
	Title  string
}

// Measured are the facts of a file that was made.
type Measured struct {
	Length         time.Duration
	IntegratedLUFS *float64
	TruePeakDBTP   *float64
}

// Beside returns the contents of the sidecars of a file by their names.
func (c Contract) Beside(file string, a Occasion, sums Sums, m Measured, rundown []CueLine) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, s := range c.Sidecars {
		var content []byte
		switch s.Kind {
		case SHA256: // as sha256sum writes and checks it
			content = fmt.Appendf(nil, "%s  %s\n", sums.SHA256, file)
		case MD5:
			content = fmt.Appendf(nil, "%s  %s\n", sums.MD5, file)
		case JSON:
			b, err := json.MarshalIndent(c.described(file, a, sums, m), "", "  ")
			if err != nil {
				return nil, err
			}
			content = append(b, '\n')
		case Rundown:
			content = rundownText(rundown)
		case Trigger:
			content = []byte{}
		}
		out[s.Name(file)] = content
	}
	return out, nil
}

// description is the form of the JSON beside a file.
type description struct {
	File       string            `json:"file"`
	Bytes      int64             `json:"bytes"`
	SHA256     string            `json:"sha256"`
	Station    string            `json:"station"`
	Window     string            `json:"window"`
	StartAt    schedules.Instant `json:"start_at"`
	EndAt      schedules.Instant `json:"end_at"`
	Part       int               `json:"part"`
	Parts      int               `json:"parts"`
	Revision   int64             `json:"revision"`
	Length     schedules.Millis  `json:"length_ms"`
	Codec      Codec             `json:"codec"`
	Rate       int               `json:"sample_rate"`
	Channels   int               `json:"channels"`
	Kbps       int               `json:"bitrate_kbps,omitempty"`
	Integrated *float64          `json:"integrated_lufs,omitempty"`
	TruePeak   *float64          `json:"true_peak_dbtp,omitempty"`
}

func (c Contract) described(file string, a Occasion, sums Sums, m Measured) description {
	return description{
		File: file, Bytes: sums.Bytes, SHA256: sums.SHA256,
		Station: a.Station, Window: a.Window, StartAt: schedules.At(a.StartAt), EndAt: schedules.At(a.EndAt),
		Part: max(a.Part, 1), Parts: c.PartsOf(), Revision: a.Revision, Length: schedules.Millis{Duration: m.Length},
		Codec: c.Audio.Codec, Rate: c.Audio.Rate, Channels: c.Audio.Channels, Kbps: c.Audio.Kbps,
		Integrated: tenths(m.IntegratedLUFS), TruePeak: tenths(m.TruePeakDBTP),
	}
}

// tenths rounds a level as meters show it.
func tenths(v *float64) *float64 {
	if v == nil {
		return nil
	}
	rounded := math.Round(*v*10) / 10
	return &rounded
}

// rundownText writes a line for each item: its place in the file, its length, and its title.
func rundownText(lines []CueLine) []byte {
	var b []byte
	for _, l := range lines {
		title := strings.Join(strings.Fields(l.Title), " ")
		b = fmt.Appendf(b, "%s\t%s\t%s\r\n", clock(l.At), clock(l.Length), title)
	}
	return b
}

// clock writes a duration as h:mm:ss.
func clock(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
