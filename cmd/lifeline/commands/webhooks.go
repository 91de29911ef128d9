package commands

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

type webhooksCmd struct {
	List       webhookListCmd       `cmd:"" default:"withargs" help:"Show the webhooks."`
	Put        webhookPutCmd        `cmd:"" help:"Make or change a webhook; the secret of a new one is shown only this once."`
	Remove     webhookRemoveCmd     `cmd:"" help:"Delete webhooks."`
	Rotate     webhookRotateCmd     `cmd:"" help:"Give a webhook a new secret; it is shown only this once."`
	Deliveries webhookDeliveriesCmd `cmd:"" help:"Show the last deliveries of a webhook, and its position."`
	Test       webhookTestCmd       `cmd:"" help:"Send a test delivery to a webhook."`
	Replay     webhookReplayCmd     `cmd:"" help:"Move a webhook's position, to repeat or to skip changes."`
}

type webhookListCmd struct {
	remote `embed:""`
	output `embed:""`
}

func (c *webhookListCmd) Run(ctx context.Context, stdout io.Writer) error {
	all, err := c.client().Webhooks(ctx)
	if err != nil {
		return err
	}
	return c.show(stdout, all, func() {
		fmt.Fprintln(stdout, count(len(all), "webhook"))
		for _, w := range all {
			state := "enabled"
			if !w.Enabled {
				state = "disabled"
			}
			fmt.Fprintf(stdout, "%-20s %-8s %-40s %s\n", w.ID, state, w.URL, strings.Join(w.Changes, ","))
			if w.DisabledBecause != "" {
				fmt.Fprintf(stdout, "    given up at %s: %s\n", w.DisabledAt, w.DisabledBecause)
			}
		}
	})
}

type webhookPutCmd struct {
	remote      `embed:""`
	output      `embed:""`
	ID          string   `form:"id" arg:"" name:"webhook" help:"The webhook's id."`
	URL         string   `form:"url" arg:"" optional:"" name:"url" help:"Its address (URL). Default: unchanged."`
	Changes     []string `form:"change" help:"Kinds of change to deliver: segment, queue, recall, as-run, make-good, … Default: unchanged."`
	Stations    []string `form:"id" help:"Of the changes that belong to a station, deliver only those of these stations. Default: unchanged; a new webhook gets those of all stations."`
	Description *string  `help:"Its description."`
	Disable     bool     `help:"Pause deliveries; changes wait." xor:"enabled"`
	Enable      bool     `help:"Resume deliveries where they were paused." xor:"enabled"`
}

// Run creates a webhook, or changes the given fields of an existing one.
func (c *webhookPutCmd) Run(ctx context.Context, stdout io.Writer) error {
	w, err := c.client().Webhook(ctx, c.ID)
	if fault.Is(err, fault.NotFound) {
		w, err = wire.Webhook{ID: c.ID, Enabled: true}, nil
	}
	if err != nil {
		return err
	}
	if c.URL != "" {
		w.URL = c.URL
	}
	if c.Changes != nil {
		w.Changes = c.Changes
	}
	if c.Stations != nil {
		w.Stations = c.Stations
	}
	if c.Description != nil {
		w.Description = *c.Description
	}
	w.Enabled = (w.Enabled || c.Enable) && !c.Disable
	if w, err = c.client().PutWebhook(ctx, w); err != nil {
		return err
	}
	return c.show(stdout, w, func() { printWebhook(stdout, w) })
}

// printWebhook prints the state of a webhook, and its secret when the service returns it.
func printWebhook(out io.Writer, w wire.Webhook) {
	fmt.Fprintf(out, "%s is at revision %d\n", w.ID, w.Revision)
	if w.Secret != "" {
		fmt.Fprintf(out, "secret, shown only now: %s\n", w.Secret)
	}
}

type webhookRemoveCmd struct {
	remote `embed:""`
	IDs    []string `form:"id" arg:"" name:"webhook" help:"Webhooks."`
}

func (c *webhookRemoveCmd) Run(ctx context.Context, stdout io.Writer) error {
	return cmdline.Each(c.IDs, func(id string) error {
		w, err := c.client().Webhook(ctx, id)
		if err == nil {
			err = c.client().DeleteWebhook(ctx, id, w.Revision)
		}
		if err == nil {
			fmt.Fprintf(stdout, "%s is removed\n", id)
		}
		return err
	})
}

type webhookRotateCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"webhook" help:"The webhook."`
}

func (c *webhookRotateCmd) Run(ctx context.Context, stdout io.Writer) error {
	w, err := c.client().RotateWebhook(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.show(stdout, w, func() { printWebhook(stdout, w) })
}

type webhookDeliveriesCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"webhook" help:"The webhook."`
}

func (c *webhookDeliveriesCmd) Run(ctx context.Context, stdout io.Writer) error {
	d, err := c.client().Deliveries(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.show(stdout, d, func() { printDeliveries(stdout, d) })
}

func printDeliveries(out io.Writer, d wire.Deliveries) {
	s := d.Standing
	fmt.Fprintf(out, "delivered up to change %d of %d\n", s.Delivered, s.Latest)
	if s.Tries > 0 {
		fmt.Fprintf(out, "failing since %s, %d tries; the next at %s\n", s.FailingSince, s.Tries, instant(s.NextTry))
	}
	for _, a := range d.Items {
		printAttempt(out, a)
	}
}

func printAttempt(out io.Writer, a wire.Attempt) {
	said := a.Error
	if said == "" {
		said = "delivered"
	}
	fmt.Fprintf(out, "%s  %-12s %-10s %3d %6d ms  %s\n", a.At, a.ID, a.Kind, a.Status,
		a.Duration.Round(time.Millisecond).Milliseconds(), said)
}

type webhookTestCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"webhook" help:"The webhook."`
}

// Run fails if the test delivery fails.
func (c *webhookTestCmd) Run(ctx context.Context, stdout io.Writer) error {
	a, err := c.client().TestWebhook(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := c.show(stdout, a, func() { printAttempt(stdout, a) }); err != nil {
		return err
	}
	if a.Error != "" {
		return fmt.Errorf("%s was not reached: %s", c.ID, a.Error)
	}
	return nil
}

type webhookReplayCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"webhook" help:"The webhook."`
	After  int64  `least:"0" help:"The id of the change after which deliveries continue." required:""`
}

func (c *webhookReplayCmd) Run(ctx context.Context, stdout io.Writer) error {
	d, err := c.client().ReplayWebhook(ctx, c.ID, c.After)
	if err != nil {
		return err
	}
	return c.show(stdout, d, func() { printDeliveries(stdout, d) })
}
