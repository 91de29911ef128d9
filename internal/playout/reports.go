package playout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/text"
	"lifeline/schedules"
)

const (
	reportsDir   = "reports"
	reportMost   = 1 << 10         // bytes of a report
	reportsMost  = 100             // reports taken at a look
	reportsSlack = time.Minute     // by which a report may lie outside its entry
	reportsAhead = 5 * time.Second // by which its end may be ahead: players are handed sound before it is heard
)

// reports takes what the scripts of other players report into the spool, which is durable before the report goes. Each
// is a file in the folder reports, renamed to its place when it is whole (names that begin with a dot are left alone),
// of one line:
//
//	NAME START END OUTCOME DETAIL
//
// NAME is that of the line in next; START and END are when it was heard, in milliseconds since 1970 by the clock of
// this machine; OUTCOME is aired, cut or failed; DETAIL is free text and may be empty.
func (l *Lister) reports(h *Holdings, now time.Time) {
	entries, err := fs.ReadDir(l.dir.Root.FS(), reportsDir)
	if err != nil {
		l.problems.Add("the reports cannot be listed: %v", err)
		return
	}
	ahead := l.time.Ahead()
	for i, e := range entries {
		name := reportsDir + "/" + e.Name()
		if i == reportsMost {
			return // the rest at the next look
		}
		if strings.HasPrefix(e.Name(), ".") {
			if info, err := e.Info(); err == nil && now.Sub(info.ModTime()).Abs() > time.Hour {
				l.remove(name) // its writer was killed
			}
			continue
		}
		entry, err := l.report(name, now, ahead)
		if err != nil {
			l.problems.Add("the report %.120q is refused: %v", e.Name(), err)
		} else if entry.StarvedSince = h.StarvedSince(now); !l.known(entry) {
			if _, err := l.spool.Append(entry, false); err != nil {
				l.problems.Add("the report of what aired cannot be stored, and is tried again: %v", err)
				return
			}
		}
		if err := l.dir.Root.RemoveAll(name); err != nil {
			l.problems.Add("the report %.120q could not be removed: %v", e.Name(), err)
		}
	}
}

// report reads one report.
func (l *Lister) report(name string, now time.Time, ahead time.Duration) (e schedules.AsRun, err error) {
	info, err := l.dir.Root.Lstat(name)
	if err != nil {
		return e, err
	}
	if !info.Mode().IsRegular() || info.Size() > reportMost {
		return e, fmt.Errorf("it is not a file of at most %d bytes", reportMost)
	}
	b, err := l.dir.Read(name, reportMost)
	if err != nil {
		return e, err
	}
	fields := strings.SplitN(string(bytes.TrimRight(b, "\n")), " ", 5)
	if len(fields) < 4 {
		return e, errors.New("it is not of the form NAME START END OUTCOME DETAIL")
	}
	t, known := l.kept.Entries[fields[0]]
	if !known {
		return e, errors.New("no list of the last two days named that file")
	}
	at := func(field string) (schedules.Instant, error) {
		ms, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return schedules.Instant{}, fmt.Errorf("%.30q is not a time in milliseconds since 1970", field)
		}
		return schedules.At(time.UnixMilli(ms).Add(ahead)), nil
	}
	e = schedules.AsRun{ItemID: t.ItemID, SegmentID: t.SegmentID, SHA256: t.SHA256, Detail: t.Detail}
	var wrong error
	if e.StartedAt, err = at(fields[1]); err == nil {
		e.EndedAt, wrong = at(fields[2])
	}
	switch err = errors.Join(err, wrong); {
	case err != nil:
		return e, err
	case e.EndedAt.Before(e.StartedAt.Time) || e.StartedAt.Before(t.From.Add(-reportsSlack)) ||
		e.EndedAt.After(t.Until.Add(reportsSlack)):
		return e, fmt.Errorf("it was to air from %s to %s, and is reported from %s to %s", t.From, t.Until, e.StartedAt,
			e.EndedAt)
	case e.EndedAt.After(now.Add(reportsAhead)):
		return e, fmt.Errorf("it is said to have ended at %s, which is yet to come", e.EndedAt)
	}
	switch outcome := schedules.Outcome(fields[3]); outcome {
	case schedules.Failed:
		e.Outcome, e.StartedAt, e.EndedAt = outcome, schedules.Instant{}, schedules.Instant{}
	case schedules.Aired, schedules.Cut:
		e.Outcome = outcome
		if t.Fallback {
			e.Outcome = schedules.FellBack
		}
	default:
		return e, fmt.Errorf("%.30q is not one of aired, cut and failed", fields[3])
	}
	if len(fields) == 5 {
		e.Detail = text.Join(e.Detail, cleanText(fields[4]))
	}
	return e, nil
}

// known reports whether the spool has the entry already: the player stopped between writing it down and removing the
// report.
func (l *Lister) known(e schedules.AsRun) bool {
	pending, _ := l.spool.Pending(math.MaxInt)
	for _, p := range pending {
		if p.ItemID == e.ItemID && p.Outcome == e.Outcome && p.StartedAt.Equal(e.StartedAt.Time) &&
			p.EndedAt.Equal(e.EndedAt.Time) {
			return true
		}
	}
	return false
}

// copy copies a verified recording beside the lists.
func (l *Lister) copy(from *os.File, name string) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	to, err := l.dir.Create(name + ".tmp")
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err == nil {
		err = l.dir.Root.Rename(name+".tmp", name)
	}
	return err
}
