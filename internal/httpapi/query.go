package httpapi

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/bcp47"
	"lifeline/internal/fault"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

// query holds the parameters of an address, in the form in which texts are stored.
type query struct{ url.Values }

// The maximum and the default number of entries on a page of a list.
const (
	maxPage   = 500
	usualPage = 50
)

// page returns the cursor and limit of a list.
func (q query) page() (after string, limit int, err error) {
	limit = usualPage
	var fields []fault.Field
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > maxPage {
			fields = append(fields, fault.Field{Field: "limit", Message: fmt.Sprintf("must be a number from 1 to %d", maxPage)})
		}
		limit = n
	}
	b, err := base64.RawURLEncoding.DecodeString(q.Get("cursor"))
	if err != nil {
		fields = append(fields, fault.Field{Field: "cursor", Message: "is not a cursor of this service"})
	}
	return string(b), limit, fault.Fields(fields...)
}

// number is page for a list with a numeric cursor.
func (q query) number() (after int64, limit int, err error) {
	s, limit, err := q.page()
	if err == nil && s != "" {
		if after, err = strconv.ParseInt(s, 10, 64); err != nil {
			err = fault.Fields(fault.Field{Field: "cursor", Message: "is not a cursor of this service"})
		}
	}
	return after, limit, err
}

// wait returns how long the caller is ready to wait, at most limit.
func (q query) wait(limit time.Duration) (time.Duration, error) {
	v := q.Get("wait")
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fault.Fields(fault.Field{Field: "wait", Message: "must be a duration such as 55s"})
	}
	return min(d, limit), nil
}

// instant returns an instant parameter; the zero time if absent.
func (q query) instant(name string) (time.Time, error) {
	v := q.Get(name)
	if v == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return t, fault.Fields(fault.Field{Field: name, Message: "must be an instant such as 2023-10-27T13:00:00.000Z"})
	}
	return t, nil
}

// flag returns a boolean parameter.
func (q query) flag(name string) (bool, error) {
	switch q.Get(name) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, fault.Fields(fault.Field{Field: name, Message: "must be true or false"})
}

// language returns the query's language in the form in which languages are stored; empty if absent.
func (q query) language() (string, error) {
	given := q.Get("language")
	if given == "" {
		return "", nil
	}
	tag, err := bcp47.Canonical(given)
	if err != nil {
		return "", fault.Fields(fault.Field{Field: "language", Message: err.Error()})
	}
	return tag, nil
}

// nonce returns the request's nonce; "" if absent.
func (q query) nonce() (string, error) {
	nonce := q.Get("nonce")
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
	}
	if len(nonce) > wire.MaxNonce || strings.IndexFunc(nonce, func(r rune) bool { return !plain(r) }) >= 0 {
		return "", fault.Fields(fault.Field{Field: "nonce", Message: "must be at most " + strconv.Itoa(wire.MaxNonce) +
			" letters, digits, - or _"})
	}
	return nonce, nil
}

// freshNonce is nonce, and fails without one.
func (q query) freshNonce() (string, error) {
	nonce, err := q.nonce()
	if err == nil && nonce == "" {
		err = fault.Fields(fault.Field{Field: "nonce", Message: "is missing: send random characters, different in each " +
			"request"})
	}
	return nonce, err
}

// revision returns a revision parameter; 0 if absent.
func (q query) revision(name string) (int64, error) {
	v := q.Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		return 0, fault.Fields(fault.Field{Field: name, Message: "must be a revision: a whole number from 1"})
	}
	return n, nil
}

func cursor(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }

// page answers with one page of a list.
func page[T any](c *call, items []T, next string) error {
	if items == nil {
		items = []T{}
	}
	return c.json(http.StatusOK, wire.Page[T]{Items: items, NextCursor: cursor(next)})
}

func listing[T any](c *call, list func(after string, limit int) ([]T, string)) error {
	after, limit, err := c.query().page()
	if err != nil {
		return err
	}
	items, next := list(after, limit)
	return page(c, items, next)
}

// Query parameters of several operations.
var (
	limitParameter = openapi.Parameter{Name: "limit", Description: "The most entries to return.",
		Schema: withDefault(openapi.Integer().Between(1, maxPage), usualPage)}
	cursorParameter = openapi.Parameter{Name: "cursor", Description: "The next_cursor of the previous page.",
		Schema: openapi.String()}
	waitParameter = openapi.Parameter{Name: "wait", Description: "How long to wait for a later revision than the one " +
		"in If-None-Match, such as 55s.",
		Schema: openapi.Match(durationPattern), Example: "55s"}
	dryRunParameter = openapi.Parameter{Name: "dry_run", Description: "Change nothing, and return what would change.",
		Schema: openapi.OneOf("true", "false", "1", "0")}
	dateParameter = openapi.Parameter{Name: "date",
		Description: "A broadcast day. Default: today.", Schema: dateSchema(), Example: "2023-10-27"}
	paged = []openapi.Parameter{limitParameter, cursorParameter}
)

// durationPattern is a duration in Go's form, with units from milliseconds to hours.
const durationPattern = `^([0-9]{1,5}(\.[0-9]{1,5})?(ms|s|m|h)){1,3}$`

func withDefault(s *openapi.Schema, v any) *openapi.Schema {
	s.Default = v
	return s
}
