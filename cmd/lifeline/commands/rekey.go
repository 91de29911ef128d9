package commands

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/record"
	"lifeline/internal/service"
)

// rekeyCmd takes the flags by which serve finds the store and the key.
type rekeyCmd struct {
	config.Serve `embed:""`
	By           string `help:"Who decides this, for the audit trail." required:""`
}

func (c *rekeyCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	key, unread := service.SigningKey(c.Key)
	if err := service.IsThere(ctx, c.Serve); err != nil && (unread != nil || !fault.Is(err, fault.NotFound)) {
		return err
	}
	s, err := service.OpenHeld(ctx, c.Serve, endFirst("rekey"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if unread == nil {
		if known, revision, err := access.ReadSigningKeys(ctx, s, service.KeyID(key)); err != nil {
			return err
		} else if revision > 0 && known.Current == service.KeyID(key) {
			return fault.New(fault.Conflict, "key %s in %s signs already, and nothing was changed. To sign with a new one, as "+
				"when this one is stolen, move that file "+
				"to where you keep such things, then run this again", service.KeyID(key), c.Key)
		}
	}
	missing := errors.Is(unread, fs.ErrNotExist)
	if missing {
		key = service.RandomKey()
		if err := s.SignWith(c.Serve, key); err != nil {
			return err
		}
	}
	if unread == nil || missing {
		if err := record.RaiseFloor(ctx, s, c.By, "recalls.raise", true, time.Now()); err != nil {
			return err
		}
	}
	switch {
	case missing:
		err = service.AdoptKey(ctx, c.Serve, s, c.By, key, true)
	case unread == nil:
		err = service.UseKey(ctx, s, c.By, key)
	default:
		err = unread
	}
	if err != nil {
		return err
	}
	keys, _, err := access.ReadSigningKeys(ctx, s, service.KeyID(key))
	if err != nil {
		return err
	}
	public := base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	fmt.Fprintf(stdout, "Key %s signs from now on. Its public half is %s\n"+
		"At its next start the service signs the recall list, the fallback lists and the queues that are not over with it, "+
		"in revisions above "+
		"all that stations have seen. What is older "+
		"stays signed with the former keys: lifeline fsck counts it.\n", service.KeyID(key), public)
	for _, k := range keys.Keys {
		if k.ID == keys.Current {
			continue
		}
		if len(k.Public) == 0 {
			fmt.Fprintf(stdout, "Former key %s: its public half is not known here. lifeline verify needs it by --trust\n", k.ID)
			continue
		}
		fmt.Fprintf(stdout, "Former key %s: %s (lifeline verify needs it by --trust, for what it signed)\n", k.ID,
			base64.StdEncoding.EncodeToString(k.Public))
	}
	if keys.Root > 0 {
		fmt.Fprintf(stdout, "Stations go by root %d: let that name the new key where it named the former one, by lifeline key "+
			"rotate on the machine without a network. Give every webhook a new secret.\n", keys.Root)
		return nil
	}
	fmt.Fprintf(stdout, "At every station, start the player with --key %s (LIFELINE_KEY), and as long as the former key "+
		"is lost and not stolen "+
		"with --key of the former one, too, so that what the station holds stays valid meanwhile. Until then it refuses "+
		"what is published. "+
		"Give every webhook a new secret.\n", public)
	return nil
}
