package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/schollz/progressbar/v3"

	"lifeline/internal/client"
	"lifeline/schedules"
)

type uploadCmd struct {
	remote    `embed:""`
	Catalogue string `arg:"" help:"YAML file that lists the recordings beside it, with their metadata." type:"existingfile"`
	Quiet     bool   `help:"No progress bar."`
}

// catalogue is a list of recordings with the metadata that they are uploaded with. It is kept as it stands in the
// file: the service says what is wrong with it.
type catalogue struct {
	Segments []map[string]any `yaml:"segments"`
}

func (c *uploadCmd) Run(ctx context.Context, stdout io.Writer) error {
	progress := io.Writer(os.Stderr)
	if c.Quiet {
		progress = io.Discard
	}
	dir, err := os.OpenRoot(filepath.Dir(c.Catalogue))
	if err != nil {
		return err
	}
	defer dir.Close()
	segments, err := uploadCatalogue(ctx, c.client(), dir.FS(), filepath.Base(c.Catalogue), progress)
	for _, s := range segments {
		fmt.Fprintf(stdout, "%-28s %-9s %s", s.ID, s.State, span(s.Recording.Duration.Duration))
		if s.Rejection != nil {
			fmt.Fprintf(stdout, "  %s", s.Rejection.Message)
		}
		fmt.Fprintln(stdout)
	}
	return err
}

// uploadCatalogue uploads every recording of a catalogue, showing its progress, and answers the segments. One that
// fails does not stop the others.
func uploadCatalogue(ctx context.Context, c *client.Client, dir fs.FS, name string, progress io.Writer) ([]schedules.Segment, error) {
	b, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, err
	}
	var list catalogue
	if err := yaml.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bar := progressbar.NewOptions64(totalBytes(dir, list), progressbar.OptionSetWriter(progress), progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription("uploading"), progressbar.OptionSetWidth(40), progressbar.OptionThrottle(50e6),
		progressbar.OptionSetTheme(progressbar.ThemeUnicode))
	var out []schedules.Segment
	var failed error
	for _, meta := range list.Segments {
		s, err := uploadOne(ctx, c, dir, meta, bar)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%v: %w", meta["file"], err))
			continue
		}
		out = append(out, s)
	}
	bar.Finish()
	fmt.Fprintln(progress)
	return out, failed
}

func totalBytes(dir fs.FS, list catalogue) (total int64) {
	for _, meta := range list.Segments {
		if name, ok := meta["file"].(string); ok {
			if info, err := fs.Stat(dir, name); err == nil {
				total += info.Size()
			}
		}
	}
	return total
}

func uploadOne(ctx context.Context, c *client.Client, dir fs.FS, meta map[string]any, bar *progressbar.ProgressBar) (schedules.Segment, error) {
	name, ok := meta["file"].(string)
	if !ok {
		return schedules.Segment{}, errors.New("the entry names no file")
	}
	f, err := dir.Open(name)
	if err != nil {
		return schedules.Segment{}, err
	}
	defer f.Close()
	sent := make(map[string]any, len(meta))
	for k, v := range meta {
		if k != "file" {
			sent[k] = v
		}
	}
	return c.Upload(ctx, sent, io.TeeReader(f, bar))
}
