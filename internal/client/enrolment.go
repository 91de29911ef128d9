package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// envelopeType is the media type of a DSSE envelope in JSON.
const envelopeType = "application/vnd.dsse.envelope.v1+json"

// EnrolmentCode makes a one-time code with which the player of a station enrols. life is how long it is valid; 0: the
// service's default.
func (c AccessCalls) EnrolmentCode(ctx context.Context, station string, life time.Duration) (out wire.EnrolmentCode,
	err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(station, "enrolment"),
		Body: wire.NewEnrolment{Life: schedules.Millis{Duration: life}}}, &out)
	return out, err
}

// Seize declares a station seized.
func (c *Client) Seize(ctx context.Context, station, reason string) (out wire.Seizure, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(station, "seized"),
		Body: wire.Reason{Reason: reason}}, &out)
	return out, err
}

// Enrol sends the envelope of a wire.Enrolment. It needs no token.
func (c AccessCalls) Enrol(ctx context.Context, envelope []byte) (out wire.Enrolled, err error) {
	err = c.sendEnvelope(ctx, wire.Base+"/enrolments", envelope, &out)
	return out, err
}

// ProveService fetches the envelope of a wire.EnrolmentProof. It needs no token.
func (c AccessCalls) ProveService(ctx context.Context, nonce string) (envelope json.RawMessage, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/enrolments/proof?nonce=" +
		url.QueryEscape(nonce), Most: maxAnswer}, &envelope)
	return envelope, err
}

// EnrolSealed does what Enrol does with a sealed wire.SealedEnrolment, and returns the sealed answer.
func (c AccessCalls) EnrolSealed(ctx context.Context, sealed []byte) ([]byte, error) {
	var out wire.Sealed
	_, err := c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + "/enrolments/sealed",
		Body: wire.Sealed{Sealed: sealed}, Most: maxAnswer}, &out)
	return out.Sealed, err
}

// sendEnvelope posts a DSSE envelope.
func (c AccessCalls) sendEnvelope(ctx context.Context, path string, envelope []byte, out any) error {
	_, err := c.Call(ctx, Request{Method: http.MethodPost, Path: path, Stream: bytes.NewReader(envelope),
		Length: int64(len(envelope)), ContentType: envelopeType, Most: maxAnswer}, out)
	return err
}

// SetMirrorList gives the service the envelope of a wire.MirrorList.
func (s *Station) SetMirrorList(ctx context.Context, envelope []byte) error {
	return s.client.sendEnvelope(ctx, wire.Station(s.id, "mirrors"), envelope, nil)
}

// SendSignedAsRun does what SendAsRun does with the envelope of a wire.SignedAsRun.
func (s *Station) SendSignedAsRun(ctx context.Context, envelope []byte) ([]wire.AsRunResult, error) {
	var out wire.AsRunResults
	err := s.client.sendEnvelope(ctx, wire.Station(s.id, "as-run"), envelope, &out)
	return out.Results, err
}

// SendSignedStatus does what SendStatus does with the envelope of a wire.SignedStatus.
func (s *Station) SendSignedStatus(ctx context.Context, envelope []byte) error {
	return s.client.sendEnvelope(ctx, wire.Station(s.id, "status"), envelope, nil)
}
