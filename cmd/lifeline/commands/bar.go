package commands

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"lifeline/internal/cmdline"
	"lifeline/internal/text"
)

// progressTo returns the writer for progress: standard error if it is a terminal, else one that discards.
func progressTo(quiet bool) io.Writer {
	if quiet || !cmdline.Terminal(os.Stderr) {
		return io.Discard
	}
	return os.Stderr
}

// newBar returns a progress bar in bytes. Size -1 means unknown. With a known size it shows only the percentage: a
// resumed or a small transfer would show an impossible rate. The options in more come before those that all bars share.
func newBar(to io.Writer, what string, size int64, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, append([]progressbar.Option{progressbar.OptionSetWriter(to),
		progressbar.OptionShowBytes(size < 0),
		progressbar.OptionSetDescription(text.Shown(what)), progressbar.OptionSetWidth(40),
		progressbar.OptionThrottle(50 * time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // without the bar's own goroutine, which reads the bar without a lock
		progressbar.OptionSetTheme(progressbar.ThemeUnicode)}, more...)...)
}
