package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"lifeline/internal/blob"
	"lifeline/internal/config"
	"lifeline/internal/control"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/sqlite"
)

// documents is a store that is open.
type documents interface {
	control.Store
	Close() error
}

// recordings is a place for audio that is open.
type recordings interface {
	blob.Store
	Close() error
}

// feedKept is how many changes a Redis keeps for those who follow; who is further behind lists again.
const feedKept = 100_000

// openStore opens the store that the configuration names.
func openStore(ctx context.Context, c config.Serve) (documents, error) {
	if c.Store == "sqlite" {
		return sqlite.Open(ctx, c.StoreFile())
	}
	return redis.Open(ctx, redis.Options{URL: c.Store, Prefix: c.Redis.Prefix, Feed: feedKept, Replicas: c.Redis.Replicas,
		ReplicaWait: c.Redis.ReplicaWait, AcceptLoss: c.Redis.AcceptLoss})
}

// openAudio opens the place for audio that the configuration names.
func openAudio(ctx context.Context, c config.Serve) (recordings, error) {
	if c.Audio == "local" {
		return blob.OpenLocal(c.AudioDir())
	}
	endpoint, bucket, prefix, err := c.Bucket()
	if err != nil {
		return nil, err
	}
	secret := []byte{}
	if c.S3.SecretKeyFile != "" {
		if secret, err = os.ReadFile(c.S3.SecretKeyFile); err != nil {
			return nil, fmt.Errorf("secret key of the bucket: %w", err)
		}
	}
	return blob.OpenS3(ctx, blob.S3Options{Endpoint: endpoint, Bucket: bucket, Prefix: prefix, Region: c.S3.Region,
		AccessKey: c.S3.AccessKey, SecretKey: strings.TrimSpace(string(secret)), Spool: c.SpoolDir()})
}
