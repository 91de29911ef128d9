package archive

import (
	"bytes"
	"encoding/json"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// content is stored bytes within a line: unchanged if they are JSON on one line, otherwise in base64.
type content struct {
	Body   json.RawMessage `json:"body,omitempty"`
	Base64 []byte          `json:"base64,omitempty"`
}

func (c content) bytes() []byte {
	if c.Body != nil {
		return c.Body
	}
	return c.Base64
}

type documentLine struct {
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
	content
}

type changeLine struct {
	Sequence  int64  `json:"sequence"`
	Kind      string `json:"kind"`
	ID        string `json:"id"`
	Revision  int64  `json:"revision"`
	Deleted   bool   `json:"deleted"`
	At        int64  `json:"at_ms"`
	By        string `json:"by"`
	Action    string `json:"action"`
	Reason    string `json:"reason"`
	RequestID string `json:"request_id"`
	Person    string `json:"person,omitempty"`
	Token     string `json:"token,omitempty"`
	Remote    string `json:"remote,omitempty"`
	Fields    string `json:"fields,omitempty"`
}

type entryLine struct {
	Station  string `json:"station"`
	Sequence int64  `json:"sequence"`
	At       int64  `json:"at_ms"`
	content
}

// AppendDocument, AppendChange and AppendEntry append the line of one value, with its newline, to b.
func AppendDocument(b []byte, d store.Document) ([]byte, error) {
	return appendLine(b, documentLine{Kind: d.Kind, ID: d.ID, Revision: d.Revision}, d.Body)
}

// AppendChange appends a change as AppendDocument does a document.
func AppendChange(b []byte, c store.Change) ([]byte, error) {
	return appendLine(b, changeLine{c.Sequence, c.Kind, c.ID, c.Revision, c.Deleted, c.At.UnixMilli(), c.By, c.Action,
		c.Reason, c.RequestID, c.Person, c.Token, c.Remote, c.Fields}, nil)
}

// AppendEntry appends an entry as AppendDocument does a document.
func AppendEntry(b []byte, e store.Entry) ([]byte, error) {
	return appendLine(b, entryLine{Station: e.Station, Sequence: e.Sequence, At: e.At.UnixMilli()}, e.Body)
}

// appendLine writes the body itself, because the encoder would change its bytes.
func appendLine(b []byte, line any, body []byte) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		return b, err
	}
	b = append(b, bytes.TrimSuffix(out.Bytes(), []byte("}\n"))...)
	switch {
	case len(body) == 0:
	case json.Valid(body) && !bytes.ContainsAny(body, "\r\n") && len(bytes.TrimSpace(body)) == len(body):
		b = append(append(b, `,"body":`...), body...)
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			return b, err
		}
		b = append(append(b, `,"base64":`...), encoded...)
	}
	return append(b, "}\n"...), nil
}

// ParseDocument, ParseChange and ParseEntry parse a line. They fail with Invalid.
func ParseDocument(line []byte) (store.Document, error) {
	l, err := parse[documentLine](line)
	return store.Document{Kind: l.Kind, ID: l.ID, Revision: l.Revision, Body: l.bytes()}, err
}

// ParseChange parses a change as ParseDocument does a document.
func ParseChange(line []byte) (store.Change, error) {
	l, err := parse[changeLine](line)
	return store.Change{Sequence: l.Sequence, Kind: l.Kind, ID: l.ID, Revision: l.Revision, Deleted: l.Deleted,
		Origin: store.Origin{At: time.UnixMilli(l.At).UTC(), By: l.By, Action: l.Action, Reason: l.Reason,
			RequestID: l.RequestID, Person: l.Person, Token: l.Token, Remote: l.Remote},
		Fields: l.Fields}, err
}

// ParseEntry parses an entry as ParseDocument does a document.
func ParseEntry(line []byte) (store.Entry, error) {
	l, err := parse[entryLine](line)
	return store.Entry{Station: l.Station, Sequence: l.Sequence, At: time.UnixMilli(l.At).UTC(), Body: l.bytes()}, err
}

func parse[T any](line []byte) (v T, err error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		return v, fault.Wrap(fault.Invalid, err, "the archive has a line that cannot be read: %.80q", line)
	}
	return v, nil
}
