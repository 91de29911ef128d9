package library

import (
	"context"
	"time"

	"lifeline/internal/replica"
)

// Library keeps segments and their recordings. Each of its fields has one responsibility.
type Library struct {
	Segments   *Segments   // reads, finds, makes and edits segments
	Recordings *Recordings // receives, keeps and measures recordings
	Uploads    *Uploads    // takes recordings that arrive in pieces
	Approvals  *Approvals  // decide whether a segment may air
	Recalls    *Recalls    // take segments and persons off the air
}

// core is what the parts of the library share.
type core struct {
	replica *replica.Replica
	audio   replica.Audio
	now     func() time.Time
	limits  Limits
}

// Limits bound what one upload may cost.
type Limits struct {
	MaxBytes    int64 // of one recording
	MaxWaiting  int64 // bytes that unfinished uploads may take together
	Concurrency int   // recordings analysed at once

	// Room fails with Full unless there is room for an upload of so many bytes; nil does not look.
	Room func(ctx context.Context, bytes int64) error
}

// New keeps segments in m and their bytes in audio.
func New(m *replica.Replica, audio replica.Audio, sealer replica.Sealer, analyse Analyser, now func() time.Time,
	l Limits) *Library {
	c := &core{replica: m, audio: audio, now: now, limits: l}
	segments := &Segments{c}
	recordings := &Recordings{core: c, segments: segments, analyse: analyse, workers: make(chan struct{}, l.Concurrency)}
	recalls := &Recalls{c, segments, sealer}
	return &Library{Segments: segments, Recordings: recordings,
		Uploads:   &Uploads{c, segments, recordings, turns{held: map[string]*turn{}}},
		Approvals: &Approvals{segments, recalls}, Recalls: recalls}
}
