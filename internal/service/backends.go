package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"strings"

	"lifeline/internal/blob"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/reserve"
	"lifeline/internal/secret"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/text"
)

// Store is an open store.
type Store interface {
	replica.Store
	Export(ctx context.Context, begin func(trimmed int64) error, document func(store.Document) error,
		change func(store.Change) error, entry func(store.Entry) error) error
	Import(ctx context.Context, trimmed int64, documents iter.Seq2[store.Document, error], changes iter.Seq2[store.Change,
		error], entries iter.Seq2[store.Entry, error]) error
	Check(ctx context.Context, report func(problem string)) error
	Close() error
}

// Audio is an open audio store.
type Audio interface {
	blob.Store
	Close() error
}

// behindCure returns the cure if the embedded database lacks acknowledged changes.
func behindCure(c config.Serve) string {
	return fmt.Sprintf("%s is not as its service left it. Put the file back together with %[1]s-wal and %[1]s-mark, if "+
		"you have them; or move "+
		"the files whose names begin so away and restore the latest backup with lifeline restore; or, if this older state "+
		"is all that "+
		"there is, accept it with lifeline fsck --accept-older --data %[2]s", c.StoreFile(), c.Data)
}

// FeedKept is the number of changes that a Redis store keeps for followers; a follower that is further behind lists the
// documents again.
const FeedKept = 100_000

// VersionedStore is a store with documents in this program's versions.
type VersionedStore struct {
	*replica.Versioned
	back Store
}

func (v VersionedStore) Export(ctx context.Context, begin func(trimmed int64) error,
	document func(store.Document) error, change func(store.Change) error, entry func(store.Entry) error) error {
	return v.back.Export(ctx, begin, document, change, entry)
}

func (v VersionedStore) Import(ctx context.Context, trimmed int64, documents iter.Seq2[store.Document, error],
	changes iter.Seq2[store.Change, error], entries iter.Seq2[store.Entry, error]) error {
	return v.back.Import(ctx, trimmed, documents, changes, entries)
}

func (v VersionedStore) Check(ctx context.Context, report func(problem string)) error {
	return v.back.Check(ctx, report)
}

func (v VersionedStore) Close() error { return v.back.Close() }

// OpenStore opens the configured store. It fails with Conflict if a newer program has stored documents that this one
// does not know.
func OpenStore(ctx context.Context, c config.Serve) (VersionedStore, error) {
	back, err := OpenBackEnd(ctx, c)
	if err != nil {
		return VersionedStore{}, err
	}
	v, err := replica.NewVersioned(ctx, back, kinds.All, "lifeline "+cmdline.Version())
	if err != nil {
		return VersionedStore{}, errors.Join(err, back.Close())
	}
	if signer, err := changeSigner(c); err == nil { // whoever needs the key says what is wrong with it
		v.SignChanges(signer)
	}
	return VersionedStore{v, back}, nil
}

func OpenBackEnd(ctx context.Context, c config.Serve) (Store, error) {
	if c.Store == "sqlite" {
		s, err := sqlite.Open(ctx, c.StoreFile())
		if fault.Is(err, fault.Full) && giveRoom(ctx, c) == nil {
			s, err = sqlite.Open(ctx, c.StoreFile())
		}
		if errors.Is(err, sqlite.ErrBehind) {
			return nil, fault.Wrap(fault.Conflict, err, "%s", behindCure(c))
		}
		return s, err
	}
	s, err := redis.Open(ctx, redis.Options{URL: c.Store, Prefix: c.Redis.Prefix, Feed: FeedKept,
		Replicas:    c.Redis.Replicas,
		ReplicaWait: c.Redis.ReplicaWait, AcceptLoss: c.Redis.AcceptLoss})
	if err != nil { // the error may contain the address with its password
		return nil, fmt.Errorf("store: %s", text.Redact(err.Error()))
	}
	return s, nil
}

// openingRoom is the disk space in bytes that opening the embedded store may need, for the index of its journal.
const openingRoom = 1 << 20

// giveRoom releases part of the disk space that an earlier service reserved. Without it the store cannot be opened on a
// full disk, and urgent changes would be impossible.
func giveRoom(ctx context.Context, c config.Serve) error {
	disk := reserve.Disk(c.Data)
	held, err := disk.Held(ctx)
	if err != nil || held == 0 {
		return errors.Join(err, errors.New("nothing is kept back"))
	}
	_, err = disk.Hold(ctx, max(held-openingRoom, 0))
	return err
}

// openReserves reserves space for the documents. With the embedded store, the disk for audio is the same place;
// otherwise no urgent data is written to that disk, and no space is reserved on it.
func openReserves(ctx context.Context, c config.Serve, s VersionedStore, log *slog.Logger) (
	documents, disk *reserve.Reserve, err error) {
	kept := c.Reserve
	if r, ok := s.back.(*redis.Store); ok {
		kept = 0
		if documents, err = reserve.Open(ctx, r.Reserve(), "the memory of Redis", c.Reserve, log); err != nil {
			return nil, nil, err
		}
	}
	disk, err = reserve.Open(ctx, reserve.Disk(c.Data), "the disk of "+c.Data, kept, log)
	if documents == nil {
		documents = disk
	}
	return documents, disk, err
}

// rateOf returns the rate limit of a token. Replicas that share a Redis enforce it together.
func rateOf(c config.Serve, s VersionedStore) httpapi.Rate {
	rate := httpapi.Rate{PerSecond: c.Guard.Rate, Burst: c.Guard.RateBurst}
	if r, ok := s.back.(*redis.Store); ok && rate.PerSecond > 0 {
		rate.Shared = r.Allowance(rate.PerSecond, rate.Burst)
	}
	return rate
}

// OpenThere opens the configured store, which must exist, and its audio store.
func OpenThere(ctx context.Context, c config.Serve) (s VersionedStore, audio Audio, err error) {
	if err := IsThere(ctx, c); err != nil {
		return s, nil, err
	}
	if s, err = OpenStore(ctx, c); err != nil {
		return s, nil, err
	}
	if audio, err = OpenAudio(ctx, c); err != nil {
		return s, nil, errors.Join(err, s.Close())
	}
	return s, audio, nil
}

// IsThere fails with NotFound if no service has ever used the configured store. It creates nothing, so that a mistyped
// directory or prefix does not become a store.
func IsThere(ctx context.Context, c config.Serve) error {
	where := text.Redact(c.Store)
	if c.Store == "sqlite" {
		where = c.StoreFile()
		there, err := os.Stat(where)
		if err == nil && there.Size() == 0 {
			return fault.New(fault.Conflict, "the database %s is empty: what it held is gone. %s", where, emptyCure)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.NotFound, "there is no store %s: name its directory with --data (LIFELINE_DATA), or "+
				"another store with --store; the first `lifeline serve` on a directory makes one", where)
		}
		return nil // opening the file reports what is wrong with it
	}
	s, err := OpenStore(ctx, c)
	if err != nil {
		return err
	}
	latest, err := s.Latest(ctx)
	if err == nil && latest == 0 {
		err = fault.New(fault.NotFound, "no service keeps anything at %s under the prefix %q: name another with --store "+
			"and --redis-prefix; the first `lifeline serve` on it makes one", where, c.Redis.Prefix)
	}
	return errors.Join(err, s.Close())
}

// emptyCure is the cure if the embedded database is gone.
const emptyCure = "Move it and the files beside it whose names begin with its name away, if they are there, and " +
	"restore a backup " +
	"with lifeline restore; or, to begin anew, name another directory with --data"

// notEmptied fails with Conflict if the embedded database is missing or empty although there are recordings: a database
// must have existed, and a new service would remove the recordings as unreferenced.
func notEmptied(ctx context.Context, c config.Serve, audio Audio) error {
	if c.Store != "sqlite" {
		return nil
	}
	there, err := os.Stat(c.StoreFile())
	if err == nil && there.Size() > 0 {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found, err := audio.List(ctx, "", 1)
	if err != nil || len(found) == 0 {
		return err
	}
	return fault.New(fault.Conflict, "the database %s is missing or empty, but the recordings that it named are still "+
		"there, and a new one would have them removed. %s", c.StoreFile(), emptyCure)
}

// OpenAudio opens the configured audio store.
func OpenAudio(ctx context.Context, c config.Serve) (Audio, error) {
	if c.Audio == "local" {
		place, err := blob.OpenLocal(c.AudioDir())
		if err != nil {
			return nil, fmt.Errorf("the recordings in %s: %w", c.AudioDir(), err)
		}
		return place, nil
	}
	endpoint, bucket, prefix, err := c.Bucket()
	if err != nil {
		return nil, err
	}
	password := []byte{}
	if c.S3.SecretKeyFile != "" {
		if password, err = secret.Read(c.S3.SecretKeyFile); err != nil {
			return nil, fmt.Errorf("secret key of the bucket: %w", err)
		}
	}
	return blob.OpenS3(ctx, blob.S3Options{Endpoint: endpoint, Bucket: bucket, Prefix: prefix, Region: c.S3.Region,
		AccessKey: c.S3.AccessKey, SecretKey: strings.TrimSpace(string(password)), Spool: c.SpoolDir(),
		Silence: c.S3.Silence})
}
