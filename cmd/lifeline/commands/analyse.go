package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/schollz/progressbar/v3"

	"lifeline/audio"
	"lifeline/internal/cmdline"
	"lifeline/internal/library"
	"lifeline/schedules"
)

// analyseCmd measures local files as the service measures uploads.
type analyseCmd struct {
	output  `embed:""`
	Files   []string `arg:"" name:"file" help:"MP3 files." type:"existingfile"`
	Profile string   `form:"profile" help:"Compare with a delivery profile: broadcast-r128, shortwave-speech or podcast."`
	Charset string   `form:"charset" help:"Encoding of tags that do not declare one, such as cp949, gb18030 or windows-1251." placeholder:"NAME"`
	Quiet   bool     `help:"No progress bar."`
}

// analysed is the JSON output for one file.
type analysed struct {
	File      string               `json:"file"`
	Recording *schedules.Recording `json:"recording,omitempty"`
	Rejection *audio.Rejection     `json:"rejection,omitempty"`
	Tags      *audio.Tags          `json:"tags,omitempty"`
	Damage    *audio.Damage        `json:"damage,omitempty"`
	Verdict   *audio.Verdict       `json:"verdict,omitempty"`
	Waveform  *audio.Waveform      `json:"waveform,omitempty"`
}

func (c *analyseCmd) Run(ctx context.Context, stdout io.Writer) error {
	var profile *audio.Profile
	if c.Profile != "" {
		i := slices.IndexFunc(audio.Profiles(), func(p audio.Profile) bool { return p.Name == c.Profile })
		if i < 0 {
			return fmt.Errorf("there is no profile %q", c.Profile)
		}
		profile = &audio.Profiles()[i]
	}
	unfit := 0
	for _, file := range c.Files {
		facts, err := c.measure(ctx, file)
		var rejection *audio.Rejection
		if err != nil && !errors.As(err, &rejection) {
			return fmt.Errorf("%s: %w", file, err)
		}
		out := analysed{File: file, Rejection: rejection}
		if rejection == nil {
			r := library.RecordingOf(facts)
			out.Recording, out.Tags, out.Damage, out.Waveform = &r, &facts.Tags, &facts.Damage, &facts.Waveform
			if profile != nil {
				verdict, err := audio.Evaluate(facts, *profile)
				if err != nil {
					return err
				}
				out.Verdict = &verdict
			}
		}
		if rejection != nil || out.Verdict != nil && out.Verdict.Outcome == audio.Failure {
			unfit++
		}
		if err := c.tell(stdout, out, facts); err != nil {
			return err
		}
	}
	if unfit > 0 {
		return cmdline.Some(len(c.Files)-unfit, fmt.Errorf("%d of %s not fit to air", unfit, isOrAre(len(c.Files), "file")))
	}
	return nil
}

// measure analyses one file and shows its progress.
func (c *analyseCmd) measure(ctx context.Context, file string) (audio.Facts, error) {
	f, err := os.Open(file)
	if err != nil {
		return audio.Facts{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return audio.Facts{}, err
	}
	bar := newBar(progressTo(c.Quiet), file, info.Size(), progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish())
	defer bar.Close()
	facts, err := audio.Analyse(ctx, f, audio.Options{Progress: func(n int64) { bar.Set64(n) }})
	if err != nil {
		return facts, err
	}
	c.tags(f, &facts.Tags)
	return facts, nil
}

// tags reads the texts of a file's tags as upload does; package audio trusts every declaration of Latin-1.
func (c *analyseCmd) tags(f io.ReadSeeker, tags *audio.Tags) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return
	}
	texts, unread := tagTexts(f, c.Charset)
	for name, field := range map[string]*string{"title": &tags.Title, "voice": &tags.Artist, "series": &tags.Album} {
		if text, known := texts[name]; known && text != "" || slices.Contains(unread, name) {
			*field = text
		}
	}
	if _, known := tagText(tags.Comment, true, ""); !known {
		tags.Comment = ""
	}
	if len(unread) > 0 {
		fmt.Fprintln(cmdline.Printable(os.Stderr), unreadNote(unread))
	}
}

func (c *analyseCmd) tell(w io.Writer, a analysed, facts audio.Facts) error {
	if c.Output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(a)
	}
	fmt.Fprintf(w, "%s\n", a.File)
	if a.Rejection != nil {
		_, err := fmt.Fprintf(w, "  cannot air: %s\n\n", a.Rejection.Message)
		return err
	}
	if err := audio.Report(w, facts); err != nil {
		return err
	}
	if a.Verdict != nil {
		fmt.Fprintf(w, "\n%s: %s\n", a.Verdict.Profile, a.Verdict.Outcome)
		for _, check := range a.Verdict.Checks {
			if check.Outcome != audio.Pass {
				fmt.Fprintf(w, "  %s: %s\n", check.Outcome, check.Message)
			}
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}
