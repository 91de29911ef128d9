package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
)

// mostAttempts is how often the analysis of a recording may break off before the recording is rejected.
const mostAttempts = 5

// longestAnalysis bounds one analysis. A day of audio takes minutes.
const longestAnalysis = time.Hour

// errTooSlow means that an analysis took longer than longestAnalysis.
var errTooSlow = fmt.Errorf("library: the analysis took longer than %s", longestAnalysis)

// Attempts is the stored count of the analyses of a segment's recording that have begun and not ended: also of those
// that ended the whole program, which would otherwise come back at each start.
type Attempts struct {
	SHA256 string `json:"sha256"`
	Begun  int    `json:"begun"`

	revision int64 // of the document; 0: there is none
}

// begin durably counts an attempt to analyse a recording, before it is made.
func (l *Recordings) begin(ctx context.Context, id, sha256 string) (Attempts, error) {
	before := Attempts{SHA256: sha256}
	d, err := l.replica.Store.Get(ctx, KindAttempts, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return before, err
	}
	if err == nil {
		kept, err := replica.Parse[Attempts](d.Body)
		if err != nil {
			return before, err
		}
		if kept.SHA256 == sha256 {
			before.Begun = kept.Begun
		}
		before.revision = d.Revision
	}
	return l.count(ctx, id, before, 1)
}

// withdraw takes back an attempt that ended for a reason other than the recording.
func (l *Recordings) withdraw(ctx context.Context, id string, a Attempts) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // the service may be stopping
	defer cancel()
	_, err := l.count(ctx, id, a, -1)
	return err
}

func (l *Recordings) count(ctx context.Context, id string, a Attempts, change int) (Attempts, error) {
	expect := a.revision
	a.Begun, a.revision = a.Begun+change, expect+1
	body, err := replica.Encode(a)
	if err == nil {
		write := store.Write{Kind: KindAttempts, ID: id, Expect: expect, Body: body}
		err = l.replica.Commit(ctx, store.Commit{Writes: []store.Write{write},
			Origin: access.System.Origin(l.now(), "analysis.attempt", "")})
	}
	return a, err
}

// ended returns the write that forgets the attempts.
func (a Attempts) ended(id string) store.Write {
	return store.Write{Kind: KindAttempts, ID: id, Expect: a.revision, Delete: true}
}

// tooOften returns the rejection of a recording whose analyses broke off.
func (a Attempts) tooOften() error {
	if a.Begun <= mostAttempts {
		return nil
	}
	return &audio.Rejection{Code: audio.RejectUnmeasured, Message: fmt.Sprintf("The service could not measure the "+
		"recording: %d attempts broke off. Convert it again, with another program, and upload it.", mostAttempts)}
}

// measured analyses r within longestAnalysis, and returns a panic as an error.
func (l *Recordings) measured(ctx context.Context, r io.Reader, progress func(int64)) (facts audio.Facts, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, longestAnalysis, errTooSlow)
	defer cancel()
	defer audio.Recovered(&err)
	facts, err = l.analyse(ctx, r, progress)
	if err != nil && errors.Is(context.Cause(ctx), errTooSlow) {
		err = errTooSlow
	}
	return facts, err
}
