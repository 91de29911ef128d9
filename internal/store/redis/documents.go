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

// Get returns the document. It fails with NotFound.
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
		begin = "[" + after + "\x00" // the smallest greater string; miniredis takes "(+" for no limit
	}
	values, err := listScript.Run(ctx, s.client, []string{s.key("ids", kind), s.key("documents", kind)}, begin,
		limit).Slice()
	if err != nil {
		return nil, fmt.Errorf("redis: list %s: %w", kind, classify(ctx, err))
	}
	return documents(kind, values)
}

// documents decodes the result of the list script: the ids, then the documents in thousands.
func documents(kind string, values []any) ([]store.Document, error) {
	if len(values) == 0 {
		return nil, fmt.Errorf("redis: list %s: the script answered nothing", kind)
	}
	ids, _ := values[0].([]any)
	list := make([]store.Document, 0, len(ids))
	for _, part := range values[1:] {
		part, _ := part.([]any)
		for _, value := range part {
			id, named := ids[len(list)].(string)
			text, there := value.(string)
			if !named || !there {
				return nil, fmt.Errorf("redis: %s %q is in the list, but is not there", kind, id)
			}
			d, err := document(kind, id, text)
			if err != nil {
				return nil, err
			}
			list = append(list, d)
		}
	}
	return list, nil
}

// document decodes a stored value: revision, space, body.
func document(kind, id, value string) (store.Document, error) {
	revision, body, ok := strings.Cut(value, " ")
	n, err := strconv.ParseInt(revision, 10, 64)
	if !ok || err != nil {
		return store.Document{}, fmt.Errorf("redis: %s %q is damaged: it begins with %.32q", kind, id, value)
	}
	return store.Document{Kind: kind, ID: id, Revision: n, Body: []byte(body)}, nil
}
