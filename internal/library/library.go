package library

import (
	"context"
	"time"

	"lifeline/internal/replica"
)

// Library manages segments and their recordings. Each of its fields has one responsibility.
type Library struct {
	Segments   *Segments   // reads, finds, creates and edits segments
	Recordings *Recordings // receives, stores and measures recordings
	Uploads    *Uploads    // receives recordings in pieces
	Approvals  *Approvals  // approves and rejects segments
	Recalls    *Recalls    // takes segments and persons off the air
}

// core holds the dependencies that the parts of the library share.
type core struct {
	replica *replica.Replica
	audio   replica.Audio
	now     func() time.Time
	limits  Limits

	uploaded *daily
}

// Limits bounds the resources that uploads may use.
type Limits struct {
	MaxBytes    int64 // per recording
	MaxWaiting  int64 // total of all unfinished uploads
	MaxOwn      int64 // total of one person's unfinished uploads; 0 means no bound
	MaxDaily    int64 // total of one person's uploads in a day; 0 means no bound
	Concurrency int   // recordings analysed at once

	// Room fails with Full unless there is space for an upload of that many bytes; nil skips the check.
	Room func(ctx context.Context, bytes int64) error
}

// New returns a library that stores segments in m and their bytes in audio.
func New(m *replica.Replica, audio replica.Audio, signer replica.Signer, analyse Analyser, now func() time.Time,
	l Limits) *Library {
	c := &core{replica: m, audio: audio, now: now, limits: l, uploaded: &daily{}}
	segments := &Segments{c}
	recordings := &Recordings{core: c, segments: segments, analyse: analyse, workers: make(chan struct{}, l.Concurrency)}
	recalls := &Recalls{c, segments, signer}
	return &Library{Segments: segments, Recordings: recordings,
		Uploads:   &Uploads{c, segments, recordings, uploadLocks{held: map[string]*uploadLock{}}},
		Approvals: &Approvals{segments, recalls}, Recalls: recalls}
}
