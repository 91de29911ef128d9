package commands

import (
	"context"
	"fmt"
	"io"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/playout"
)

// bundleCmd writes a bundle for a station without a link; playout import reads it there.
type bundleCmd struct {
	remote    `embed:""`
	Station   string   `form:"id" arg:"" help:"The station."`
	Output    string   `short:"o" required:"" type:"path" help:"The file to write. An interrupted download continues."`
	Days      int      `least:"1" default:"7" help:"Number of days, from today on."`
	Have      string   `type:"existingfile" placeholder:"FILE" help:"File with the recordings to leave out, as playout inventory prints it."`
	Since     []string `form:"earlier" placeholder:"BUNDLE|REVISION" help:"Leave out the recordings that are in an earlier bundle, or in queues up to a revision; may be repeated."`
	Recipient string   `placeholder:"AGE" form:"recipient" help:"The age recipient of the station's key, to which the bundle is encrypted. Default: the service is asked."`
	Plain     bool     `help:"Do not encrypt the bundle: whoever finds it can read all that the station airs."`
	Quiet     bool     `help:"No progress bar."`
}

// Run writes a complete bundle or nothing.
func (c *bundleCmd) Run(ctx context.Context, stdout io.Writer) error {
	progress := progressTo(c.Quiet)
	bar := newBar(progress, "bundling", -1)
	opt := playout.BundleOptions{Station: c.Station, Days: c.Days, Now: time.Now(), Progress: func(done, total int64) {
		bar.ChangeMax64(total)
		bar.Set64(done)
	}}
	if err := opt.LeaveOut(c.Have, c.Since); err != nil {
		return err
	}
	if !c.Plain {
		recipient, err := playout.BundleRecipient(ctx, c.client(), c.Station, c.Recipient)
		if err != nil {
			return err
		}
		opt.Recipient = recipient
	}
	days, err := playout.SaveBundle(ctx, c.Output, c.client(), opt)
	bar.Finish()
	fmt.Fprintln(progress)
	if err != nil {
		return err
	}
	return cmdline.Bundled(stdout, c.Output, c.Station, days.Held, days.Lacking,
		days.LeftOut.Told("The bundle carries"))
}
