package commands

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"lifeline/internal/text"
)

// progressTo is where progress is shown: standard error where it is a terminal, or nowhere.
func progressTo(quiet bool) io.Writer {
	if quiet || !terminal(os.Stderr) {
		return io.Discard
	}
	return os.Stderr
}

// newBar is a progress bar of bytes. A size of -1 is not known; one that is known is shown by its share alone, since
// what goes on where it broke off, or is small, would have an impossible rate. More options go before those that all
// bars have.
func newBar(to io.Writer, what string, size int64, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, append([]progressbar.Option{progressbar.OptionSetWriter(to),
		progressbar.OptionShowBytes(size < 0),
		progressbar.OptionSetDescription(text.Shown(what)), progressbar.OptionSetWidth(40),
		progressbar.OptionThrottle(50 * time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own, which would read the bar unlocked
		progressbar.OptionSetTheme(progressbar.ThemeUnicode)}, more...)...)
}
