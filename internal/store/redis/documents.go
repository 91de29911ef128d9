package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

//go:embed scripts/list.lua
var listText string

var listScript = goredis.NewScript(listText)

// Get fails with NotFound.
func (s *Store) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if err := ctx.Err(); err != nil {
		return store.Document{}, err
	}
	value, err := s.client.HGet(ctx, s.key("documents", kind), id).Result()
	if errors.Is(err, goredis.Nil) {
		return store.Document{}, fault.New(fault.NotFound, "no %s %q", kind, id)
	}
	if err != nil {
		return store.Document{}, fmt.Errorf("redis: get: %w", classify(ctx, err))
	}
	return document(kind, id, value)
}

// List returns up to limit documents with ids after after, in byte order.
func (s *Store) List(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "the limit of a list is at least 1, not %d", limit)
	}
	begin := "-"
	if after != "" {
		begin = "[" + after + "\x00" // the next string there is; "(+" would be without end to miniredis
	}
	values, err := listScript.Run(ctx, s.client, []string{s.key("ids", kind), s.key("documents", kind)}, begin, limit).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("redis: list %s: %w", kind, classify(ctx, err))
	}
	list := make([]store.Document, len(values)/2)
	for i := range list {
		if list[i], err = document(kind, values[2*i], values[2*i+1]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// document reads a stored value: revision, space, body.
func document(kind, id, value string) (store.Document, error) {
	revision, body, ok := strings.Cut(value, " ")
	n, err := strconv.ParseInt(revision, 10, 64)
	if !ok || err != nil {
		return store.Document{}, fmt.Errorf("redis: %s %q is damaged: it begins with %.32q", kind, id, value)
	}
	return store.Document{Kind: kind, ID: id, Revision: n, Body: []byte(body)}, nil
}
