package servicetest

import (
	"context"
	"io"
	"strings"
	"time"

	"lifeline/audio"
)

func Heard(_ context.Context, r io.Reader, _ func(int64)) (audio.Facts, error) {
	n, err := io.Copy(io.Discard, r)
	return audio.Facts{SHA256: strings.Repeat("a", 64), Bytes: n, ContentType: "audio/mpeg", Duration: time.Minute,
		CueOut: time.Minute}, err
}
