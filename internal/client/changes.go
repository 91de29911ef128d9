package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// Changes calls each for every change after since, in order, until ctx is done or the stream ends. It returns why it
// ended; the caller resumes with the id of the last change that it received.
func (c *caller) Changes(ctx context.Context, since int64, each func(wire.Change)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(streamTime, func() {
		cancel(fault.New(fault.Unavailable, "the change stream was silent for %v", streamTime))
	})
	defer idle.Stop()
	r := Request{Method: http.MethodGet, Path: wire.Base + "/changes", Unpaced: true,
		Header: http.Header{"Accept": {"text/event-stream"}}}
	if since > 0 {
		r.Path += "?since=" + strconv.FormatInt(since, 10)
		r.Header.Set("Last-Event-ID", strconv.FormatInt(since, 10))
	}
	resp, err := c.Do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(&streamLimit{Reader: resp.Body, since: time.Now()})
	var data strings.Builder
	for lines.Scan() {
		idle.Reset(streamTime)
		field, value, _ := strings.Cut(lines.Text(), ":")
		switch {
		case field == "data":
			if data.Len()+len(value) > maxNotice {
				return fault.New(fault.TooLarge, "the change stream sent a change of over %d bytes", maxNotice)
			}
			data.WriteString(strings.TrimPrefix(value, " "))
		case lines.Text() == "" && data.Len() > 0:
			var change wire.Change
			if err := json.Unmarshal([]byte(data.String()), &change); err != nil {
				return fmt.Errorf("client: changes: %w", err)
			}
			data.Reset()
			each(change)
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err := lines.Err(); fault.Is(err, fault.TooLarge) {
		return err
	} else if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the change stream broke off")
	}
	return fault.New(fault.Unavailable, "the change stream ended")
}
