package commands

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

type segmentsCmd struct {
	List   segmentsListCmd   `cmd:"" default:"withargs" help:"Find segments, or show one."`
	Export segmentsExportCmd `cmd:"" help:"Write segments as a table for spreadsheets."`
	Import segmentsImportCmd `cmd:"" help:"Change segments to what a table says, after showing the difference."`
	Change segmentsChangeCmd `cmd:"" help:"Change all segments that match, after showing the difference."`
	Undo   segmentsUndoCmd   `cmd:"" help:"Undo an import or a change, as a whole."`
}

// segmentsOf selects segments.
type segmentsOf struct {
	Q        string `name:"q" help:"Words, or beginnings of words, of the title, id, voice, series or tags."`
	Kind     string `form:"kind" help:"Only this kind."`
	Language string `form:"language" help:"Only this language."`
	State    string `form:"state" help:"Only this state: analysing, rejected, pending, approved or recalled."`
	Script   string `form:"id" help:"Only readings of this script."`
	Tag      string `form:"label" help:"Only with this tag."`
	Series   string `form:"label" help:"Only of this series."`
	Expiring string `form:"instant" help:"Only segments that expire before this instant, or before the beginning of this day in UTC." placeholder:"2023-10-27T13:00:00Z"`
}

type segmentsListCmd struct {
	remote     `embed:""`
	output     `embed:""`
	ID         string `form:"id" arg:"" optional:"" name:"segment" help:"Show this segment with its measurements; none lists the segments that match."`
	segmentsOf `embed:""`
}

// nothing reports whether no flag selects segments.
func (c segmentsOf) nothing() bool { return c == segmentsOf{} }

// find returns the segments that match.
func (c segmentsOf) find(ctx context.Context, from *client.Client) ([]schedules.Segment, error) {
	expiring, err := instantOf(c.Expiring, time.UTC)
	if err != nil {
		return nil, fmt.Errorf("--expiring: %w", err)
	}
	found, err := from.Segments(ctx, query(map[string]string{"q": c.Q, "kind": c.Kind, "language": c.Language,
		"state": c.State, "script": c.Script, "tag": c.Tag, "expiring_before": expiring}))
	if c.Series != "" {
		found = slices.DeleteFunc(found, func(s schedules.Segment) bool { return s.Series != label(c.Series) })
	}
	return found, err
}

func (c *segmentsListCmd) Run(ctx context.Context, stdout io.Writer) error {
	if c.ID != "" {
		s, err := c.client().SegmentNow(ctx, c.ID)
		if err != nil {
			return err
		}
		return c.show(stdout, s, func() {
			if s.Erased != nil {
				printErased(stdout, s)
				return
			}
			printSegment(stdout, s.Segment, s.AirableOn)
			printSame(stdout, s.SameRecording)
		})
	}
	found, err := c.find(ctx, c.client())
	if err != nil {
		return err
	}
	return c.show(stdout, found, func() {
		fmt.Fprintln(stdout, count(len(found), "segment"))
		for _, s := range found {
			length := "-"
			if s.Recording != nil {
				length = span(s.Recording.Duration.Duration)
			}
			fmt.Fprintf(stdout, "%-28s %-9s %s  %s\n", s.ID, s.State, pad(length, 9), itemLine(s.Kind, s.Language, s.Title))
		}
	})
}

// segmentIfThere returns a segment, and whether it is there.
func segmentIfThere(ctx context.Context, c *client.Client, id string) (schedules.Segment, bool, error) {
	s, err := c.Segment(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return s, false, nil
	}
	return s, err == nil, err
}

// unairedLanguage returns the note on a language that no station's window allows.
func unairedLanguage(language string) string {
	return fmt.Sprintf("%s airs nowhere: no window of any station allows this language. Correct it, or allow it in a "+
		"window "+
		"(one of ko takes ko-KP too, one of ko-KP does not take ko)", language)
}

// printErased prints what is left of a segment.
func printErased(w io.Writer, s wire.SegmentNow) {
	fmt.Fprintf(w, "%s  erased for good at %s (erasure %s), revision %d\n  %-14s %s\n  %-14s %s\n", s.ID,
		instant(s.Erased.At), s.Erased.ID, s.Revision, "kind", s.Kind, "language", s.Language)
	if s.Recording != nil {
		fmt.Fprintf(w, "  %-14s %s\n  %-14s %s\n", "length", span(s.Recording.Duration.Duration), "sha-256",
			s.Recording.SHA256)
	}
}

// printSegment prints a segment, the stations on which it can air, and its measurements.
func printSegment(w io.Writer, s schedules.Segment, airableOn []string) {
	fmt.Fprintf(w, "%s  %s, revision %d\n", s.ID, s.State, s.Revision)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-14s %s\n", name, oneLine(value))
		}
	}
	line("title", s.Title)
	line("kind", string(s.Kind))
	line("language", s.Language)
	line("stations", strings.Join(airableOn, ", "))
	if len(airableOn) == 0 {
		line("warning", unairedLanguage(s.Language))
	}
	line("voice", s.Voice)
	line("series", s.Series)
	if s.Episode > 0 {
		line("episode", strconv.Itoa(s.Episode))
	}
	line("tags", strings.Join(s.Tags, ", "))
	if s.Script != nil {
		line("reads", fmt.Sprintf("%s version %d, passages %s", s.Script.ID, s.Script.Version,
			strings.Trim(fmt.Sprint(s.Script.Passages), "[]")))
	}
	line("persons", strings.Join(s.Persons, ", "))
	line("former persons", strings.Join(s.FormerPersons, ", "))
	line("intro", s.Intro)
	line("back-announce", s.BackAnnounce)
	line("valid from", instant(s.ValidFrom))
	line("valid until", instant(s.ValidUntil))
	if c := s.Consent; c != nil {
		line("consent", strings.Join(slices.DeleteFunc([]string{dated("from ", c.GivenAt), dated("until ", c.ExpiresAt),
			c.Reference},
			func(part string) bool { return part == "" }), ", "))
	}
	if s.Sensitive {
		line("sensitive", "airs only under a lease that the station renews")
	}
	line("uploaded by", s.UploadedBy)
	if s.State == schedules.Approved && len(s.Edits) == 0 {
		line("approved by", approved(s))
	} else {
		line("last approved", approved(s))
	}
	for _, e := range s.Edits {
		line("not approved", fmt.Sprintf("%s, changed by %s at %s", strings.Join(e.Fields, ", "), e.By, instant(e.At)))
	}
	if s.Rejection != nil {
		line("rejected", s.Rejection.Message)
	}
	r := s.Recording
	if r == nil {
		return
	}
	if r.SampleRate == 0 { // nothing could be measured
		line("audio", fmt.Sprintf("%d bytes", r.Bytes))
	} else {
		line("length", span(r.Duration.Duration))
		line("on air", span(r.CueIn.Duration)+" to "+span(r.CueOut.Duration))
		line("audio", fmt.Sprintf("%d Hz, %s, %d kb/s %s, %d bytes", r.SampleRate, count(r.Channels, "channel"),
			r.BitrateKbps, r.BitrateMode, r.Bytes))
	}
	line("loudness", figure(r.IntegratedLUFS, "LUFS"))
	line("true peak", figure(r.TruePeakDBTP, "dBTP"))
	line("sha-256", r.SHA256)
	for _, warning := range r.RecordingWarnings {
		line("warning", warning.Message)
	}
}

// dated returns a word and an instant, or nothing for the zero instant.
func dated(word string, at schedules.Instant) string {
	if at.IsZero() {
		return ""
	}
	return word + instant(at)
}

func instant(at schedules.Instant) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// figure returns a measured value with its unit, or nothing if there is no value.
func figure(v *float64, unit string) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.1f %s", *v, unit)
}

// approved says who approved a segment last, and how much of its recording was heard for that.
func approved(s schedules.Segment) string {
	a := s.Approval
	if a == nil {
		return ""
	}
	heard := "how much was heard is not measured"
	switch {
	case a.HeardPercent == nil:
	case *a.HeardPercent < schedules.HeardEnough:
		heard = fmt.Sprintf("ONLY %d%% of the recording was heard", *a.HeardPercent)
	default:
		heard = fmt.Sprintf("%d%% of the recording was heard", *a.HeardPercent)
	}
	if s.Recording == nil || s.Recording.SHA256 != a.SHA256 {
		heard += "; it had another recording, " + a.SHA256
	}
	return fmt.Sprintf("%s at %s; %s", a.By, a.At, heard)
}
