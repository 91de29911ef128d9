package httpapi

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/library"
	"lifeline/internal/openapi"
	"lifeline/internal/text"
	"lifeline/internal/wire"
)

// uploadHandlers accept recordings in chunks, by tus 1.0 (https://tus.io/protocols/resumable-upload) with the
// extensions creation, checksum, expiration and termination. Answers are headers, as tus clients expect.
type uploadHandlers struct {
	*Parts
	outside outside
}

func (a uploadHandlers) routes() []route {
	header := func(name, says, example string, needed bool) openapi.Parameter {
		return openapi.Parameter{Name: name, In: "header", Description: says, Required: needed, Schema: openapi.String(),
			Example: example}
	}
	version := header("Tus-Resumable", "The version of the protocol.", wire.TusVersion, true)
	options := []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent,
		"The headers name the version, the extensions, the checksums and the greatest size.", "Tus-Version", "Tus-Extension",
		"Tus-Checksum-Algorithm", "Tus-Max-Size", "Tus-Resumable")}
	standing := []string{"Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Expires", "Content-Location"}
	badVersion := "The version in Tus-Resumable is not supported."
	return []route{
		{a.tusOptions, apidoc.Route{Method: http.MethodOptions, Path: "/v1/uploads", Open: true,
			ID: "getUploadOptions", Tag: apidoc.ForProducers, Summary: "Get the supported version and extensions of tus",
			Answers: options}},
		{a.tusOptions, apidoc.Route{Method: http.MethodOptions, Path: "/v1/uploads/:upload", Open: true,
			ID: "getUploadOptionsOfOne", Tag: apidoc.ForProducers, Summary: "Get the supported version and extensions of tus",
			Answers: options}},
		{tus(a.startUpload), apidoc.Route{Method: http.MethodPost, Path: "/v1/uploads", Roles: producing,
			Confirmed: true, ID: "startUpload", Tag: apidoc.ForProducers, Summary: "Start an upload in chunks (tus 1.0)",
			Detail: "Upload-Metadata has the fields of a segment, each in base64 (lists separated by commas, script as " +
				"JSON), or all fields as JSON in meta. To replace a recording, it has the ID of the segment " +
				"in replaces, and If-Match has the revision. sha256 may have the hash of the whole recording. A session must " +
				"confirm the upload only where it replaces the recording of an approved segment, and then needs sha256.",
			Headers: []openapi.Parameter{version, header("Upload-Length", "The size of the whole recording in bytes.",
				"524288000", true),
				header("Upload-Metadata", "The metadata of the segment.",
					"kind cmVhZGluZw==,title VGhlIGFwcGVhbA==,language a28tS1A=",
					true)},
			Match: apidoc.MatchTaken,
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusCreated, "The upload is created. Location has its path.",
				append([]string{"Location"}, standing...)...)},
			Faults: map[int]string{http.StatusBadRequest: "The headers cannot be read.",
				http.StatusPreconditionFailed:   badVersion + " Or If-Match is not the latest revision.",
				http.StatusPreconditionRequired: "The upload replaces a recording, and If-Match is missing.",
				http.StatusConflict:             "The ID is already used.",
				http.StatusNotFound:             "The segment whose recording is replaced does not exist.",
				http.StatusRequestEntityTooLarge: "The recording, or the body, is too large, or the caller's unfinished " +
					"uploads use their share.",
				http.StatusInsufficientStorage: "Unfinished uploads use all of the space reserved for them."}}},
		{a.listUploads, apidoc.Route{Method: http.MethodGet, Path: "/v1/uploads", Roles: producing,
			ID: "listUploads", Tag: apidoc.ForProducers, Summary: "List the caller's unfinished uploads",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The unfinished uploads.",
				wire.Page[wire.UploadState]{Items: []wire.UploadState{{ID: "0d9c6f2e41b7a8035c1e",
					URL:     "/v1/uploads/0d9c6f2e41b7a8035c1e",
					Segment: "reading-ko-full-hana", Offset: 5242880, Length: 524288000, ExpiresAt: examplePlus(24)}}})}}},
		{tus(a.getUpload), apidoc.Route{Method: http.MethodHead, Path: "/v1/uploads/:upload", Roles: producing,
			ID: "getUpload", Tag: apidoc.ForProducers, Summary: "Get the progress of an upload",
			Headers: []openapi.Parameter{version},
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusOK,
				"Upload-Offset has the number of bytes that have arrived. When the upload is complete, Content-Location has "+
					"the path of its segment.", append(standing, "Upload-Metadata")...)},
			Faults: map[int]string{http.StatusGone: "The upload was cancelled or has expired.",
				http.StatusPreconditionFailed: badVersion}}},
		{tus(a.appendUpload), apidoc.Route{Method: http.MethodPatch, Path: "/v1/uploads/:upload", Roles: producing,
			ID: "appendUpload", Tag: apidoc.ForProducers, Summary: "Append a chunk to an upload",
			Headers: []openapi.Parameter{version, header("Upload-Offset",
				"The offset of the chunk in bytes: the number of bytes that have arrived.", "5242880", true),
				header("Upload-Checksum", "sha256, sha1 or md5, a space, and the digest of the chunk in base64.",
					"sha1 Lve95gjOVATpfV8EL5X4nxwjKHE=", false)},
			Takes:   []apidoc.Body{{MediaType: "application/offset+octet-stream", Schema: openapi.String()}},
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The chunk is stored durably.", standing...)},
			Faults: map[int]string{http.StatusGone: "The upload was cancelled or has expired.",
				http.StatusPreconditionFailed:  badVersion,
				http.StatusConflict:            "The upload has another offset.",
				http.StatusLocked:              "Another request is writing to the upload.",
				wire.StatusChecksumMismatch:    "The chunk does not match its checksum.",
				http.StatusInsufficientStorage: "The service has no space left.",
				http.StatusUnprocessableEntity: "A header is invalid: errors names it."}}},
		{tus(a.cancelUpload), apidoc.Route{Method: http.MethodDelete, Path: "/v1/uploads/:upload", Roles: producing,
			ID: "cancelUpload", Tag: apidoc.ForProducers, Summary: "Cancel an upload",
			Headers: []openapi.Parameter{version},
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The upload is deleted, and its space is "+
				"free.",
				"Tus-Resumable")},
			Faults: map[int]string{http.StatusGone: "The upload was cancelled or has expired.",
				http.StatusPreconditionFailed: badVersion,
				http.StatusConflict:           "The upload is complete.",
				http.StatusLocked:             "Another request is writing to the upload."}}},
	}
}

const tusExtensions = "creation,checksum,expiration,termination"

// turnPatience is how long a request to an upload waits for an older one to end, whose connection may be dead.
const turnPatience = 5 * time.Second

// tus serves an operation of the protocol. It checks the protocol's version, and sends it with every answer.
func tus(serve handler) handler {
	return func(c *call) error {
		h := c.w.Header()
		h.Set("Tus-Resumable", wire.TusVersion)
		h.Set("Cache-Control", "no-store")
		if v := c.r.Header.Get("Tus-Resumable"); v != wire.TusVersion {
			h.Set("Tus-Version", wire.TusVersion)
			return fault.New(fault.Stale, "send Tus-Resumable: %s; version %q is not supported", wire.TusVersion, v)
		}
		return serve(c)
	}
}

// tusOptions answers with the supported versions and extensions.
func (a uploadHandlers) tusOptions(c *call) error {
	h := c.w.Header()
	h.Set("Tus-Resumable", wire.TusVersion)
	h.Set("Tus-Version", wire.TusVersion)
	h.Set("Tus-Extension", tusExtensions)
	h.Set("Tus-Checksum-Algorithm", "sha256,sha1,md5")
	h.Set("Tus-Max-Size", strconv.FormatInt(a.Library.Recordings.MaxBytes(), 10))
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// startUpload creates an upload from Upload-Length and Upload-Metadata.
func (a uploadHandlers) startUpload(c *call) error {
	if c.r.Header.Get("Upload-Defer-Length") != "" {
		return fault.New(fault.Invalid, "send Upload-Length: a deferred length is not supported")
	}
	length, err := size(c.r.Header.Get("Upload-Length"), "Upload-Length")
	if err != nil {
		return err
	}
	if length == 0 {
		return fault.Fields(fault.Field{Field: "Upload-Length", Message: "must be at least 1: an empty file is no recording"})
	}
	u, err := a.readUploadMetadata(c)
	if err != nil {
		return err
	}
	u.Length = length
	if u, err = a.Library.Uploads.Start(c.r.Context(), c.actor, u); err != nil {
		return err
	}
	setUploadHeaders(c, u)
	c.w.Header().Set("Location", wire.Uploads(u.ID))
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

// getUpload answers with the offset of an upload.
func (a uploadHandlers) getUpload(c *call) error {
	u, err := a.Library.Uploads.Get(c.actor, c.param("upload"))
	if err != nil {
		return err
	}
	setUploadHeaders(c, u)
	if u.Metadata != "" {
		c.w.Header().Set("Upload-Metadata", u.Metadata)
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// listUploads answers with the caller's unfinished uploads, so that a restarted program can resume them.
func (a uploadHandlers) listUploads(c *call) error {
	out := []wire.UploadState{}
	for _, u := range a.Library.Uploads.List(c.actor) {
		out = append(out, wire.UploadState{ID: u.ID, URL: a.outside.base + wire.Uploads(u.ID), Segment: u.Segment.ID,
			Offset: u.Offset(),
			Length: u.Length, SHA256: u.SHA256, ExpiresAt: u.ExpiresAt})
	}
	return page(c, out, "")
}

// appendUpload appends the next chunk.
func (a uploadHandlers) appendUpload(c *call) error {
	if t := c.r.Header.Get("Content-Type"); t != "application/offset+octet-stream" {
		return fault.New(fault.Unsupported, "send the chunk as application/offset+octet-stream")
	}
	offset, err := size(c.r.Header.Get("Upload-Offset"), "Upload-Offset")
	if err != nil {
		return err
	}
	sum, err := checksumOf(c.r.Header.Get("Upload-Checksum"))
	if err != nil {
		return err
	}
	id := c.param("upload")
	if u, err := a.Library.Uploads.Get(c.actor, id); err != nil {
		return err
	} else if c.r.ContentLength > u.Length-offset && !u.Done() {
		return fault.New(fault.TooLarge, "the chunk exceeds the %d bytes of Upload-Length", u.Length)
	}
	ctx, done, err := a.Library.Uploads.Lock(c.r.Context(), id, turnPatience)
	if err != nil {
		return err
	}
	defer done()
	defer patientUntil(c, ctx)() // a newer request ends this one, whose connection may be dead
	body, verify := io.Reader(c.r.Body), (func() error)(nil)
	if sum != nil {
		body, verify = io.TeeReader(body, sum.hash), sum.verify
	}
	u, err := a.Library.Uploads.Append(ctx, c.actor, id, offset, body, verify)
	if err != nil {
		return uploadFault(err)
	}
	setUploadHeaders(c, u)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a uploadHandlers) cancelUpload(c *call) error {
	id := c.param("upload")
	if _, err := a.Library.Uploads.Get(c.actor, id); err != nil {
		return err
	}
	_, done, err := a.Library.Uploads.Lock(c.r.Context(), id, turnPatience)
	if err != nil {
		return err
	}
	defer done()
	if err := a.Library.Uploads.Cancel(c.r.Context(), c.actor, id); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// setUploadHeaders sets the headers for an upload's offset, and for its segment once it is complete.
func setUploadHeaders(c *call, u library.Upload) {
	h := c.w.Header()
	h.Set("Upload-Offset", strconv.FormatInt(u.Offset(), 10))
	h.Set("Upload-Length", strconv.FormatInt(u.Length, 10))
	if u.Done() {
		h.Set("Content-Location", wire.Segment(u.Segment.ID))
		return
	}
	h.Set("Upload-Expires", u.ExpiresAt.UTC().Format(http.TimeFormat))
}

// readUploadMetadata reads Upload-Metadata: the fields of a segment (lists separated by commas; script, consent and
// sensitive as JSON), or all of them as JSON in "meta". "replaces" names the segment whose recording the upload
// replaces, with its revision in If-Match. "sha256" is the hash of the whole. Entries that tus clients add (filename
// and the like) are kept and not used.
func (a uploadHandlers) readUploadMetadata(c *call) (u library.Upload, err error) {
	u.Metadata = c.r.Header.Get("Upload-Metadata")
	given, err := metadata(u.Metadata)
	if err != nil {
		return u, err
	}
	for _, name := range []string{"filename", "filetype", "name", "type", "relativePath"} {
		delete(given, name)
	}
	u.SHA256 = strings.ToLower(given["sha256"])
	delete(given, "sha256")
	if id, ok := given["replaces"]; ok {
		if len(given) > 1 {
			return u, fault.Fields(fault.Field{Field: "Upload-Metadata", Message: "replaces the recording of a segment and " +
				"has other fields too: change those with PATCH"})
		}
		revision, err := c.mustMatch()
		if err == nil && revision == nil {
			err = fault.New(fault.Unconditional, "send If-Match with the revision that the recording replaces, not with *")
		}
		if err != nil {
			return u, err
		}
		u.Segment.ID, u.Replaces = id, *revision
		return u, nil
	}
	m, err := metaOfTexts(given)
	m.Onto(&u.Segment)
	if u.Segment.ID == "" {
		u.Segment.ID = library.NewSegmentID()
	}
	return u, err
}

// metaOfTexts reads the metadata of a segment from texts by field.
func metaOfTexts(given map[string]string) (m wire.SegmentMeta, err error) {
	if whole, ok := given["meta"]; ok && len(given) == 1 {
		return m, decodeStrict([]byte(whole), &m)
	}
	fields := map[string]any{}
	for name, said := range given {
		if err := text.Encoded([]byte(said)); err != nil {
			return m, fault.Fields(fault.Field{Field: name, Message: err.Error()})
		}
		switch name {
		case "tags", "persons":
			fields[name] = strings.FieldsFunc(said, func(r rune) bool { return r == ',' || r == ' ' })
		case "script", "consent", "sensitive":
			if !json.Valid([]byte(said)) {
				such := map[string]string{"script": `{"id":"appeal","version":3,"passages":[1,2]}`,
					"consent": `{"expires_at":"2027-01-01T00:00:00.000Z"}`, "sensitive": "true"}[name]
				return m, fault.Fields(fault.Field{Field: name, Message: "must be JSON such as " + such})
			}
			fields[name] = json.RawMessage(said)
		default:
			fields[name] = said
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return m, err
	}
	return m, decodeStrict(b, &m)
}

func size(text, header string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Fields(fault.Field{Field: header, Message: "must be a number of bytes"})
	}
	return n, nil
}

// metadata parses an Upload-Metadata header.
func metadata(header string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(header, ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if _, twice := out[name]; err != nil || twice {
			return nil, fault.Fields(fault.Field{Field: "Upload-Metadata", Message: "must be pairs of a name and a value in " +
				"base64, separated by commas, each name once"})
		}
		if name != "" {
			out[name] = string(value)
		}
	}
	return out, nil
}

// checksum is the expected hash of a chunk.
type checksum struct {
	hash hash.Hash
	want []byte
}

// checksumOf parses an Upload-Checksum header; nil if it is absent.
func checksumOf(header string) (*checksum, error) {
	if header == "" {
		return nil, nil
	}
	name, text, _ := strings.Cut(header, " ")
	want, err := base64.StdEncoding.DecodeString(text)
	makers := map[string]func() hash.Hash{"sha256": sha256.New, "sha1": sha1.New, "md5": md5.New}
	if makers[name] == nil || err != nil || len(want) != makers[name]().Size() {
		return nil, fault.Fields(fault.Field{Field: "Upload-Checksum", Message: "must be sha256, sha1 or md5, a space, and " +
			"the digest in base64"})
	}
	return &checksum{makers[name](), want}, nil
}

func (s *checksum) verify() error {
	if !slices.Equal(s.hash.Sum(nil), s.want) {
		return fault.New(fault.Damaged, "the chunk does not match its checksum: send it again")
	}
	return nil
}
