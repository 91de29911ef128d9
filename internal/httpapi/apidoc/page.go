package apidoc

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // embeds the page
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strings"

	"lifeline/internal/openapi"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"json": indented, "kind": kindOf,
	"text": paragraphs}).Parse(pageText))

// Policy allows the page its own style and nothing else.
var Policy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// pageOperation is an operation for the page's template.
type pageOperation struct {
	*openapi.Operation
	Method, Path string
	Curl         string
}

type pageTag struct {
	openapi.Tag
	Operations []pageOperation
}

type pageSchema struct {
	Name string
	*openapi.Schema
}

// Page renders the document as a page that needs neither the internet nor scripts.
func Page(doc *openapi.Document) ([]byte, error) {
	byTag := map[string]*pageTag{}
	page := struct {
		*openapi.Document
		Style   template.CSS
		Tags    []*pageTag
		Schemas []pageSchema
	}{Document: doc, Style: template.CSS(pageStyle)}
	for _, t := range doc.Tags {
		byTag[t.Name] = &pageTag{Tag: t}
		page.Tags = append(page.Tags, byTag[t.Name])
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, method := range methodsOf(item) {
			o := (*item)[method]
			t := byTag[o.Tags[0]]
			t.Operations = append(t.Operations, pageOperation{o, strings.ToUpper(method), path, curl(method, path, o)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		page.Schemas = append(page.Schemas, pageSchema{name, doc.Components.Schemas[name]})
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, page); err != nil {
		return nil, fmt.Errorf("apidoc: page: %w", err)
	}
	return b.Bytes(), nil
}

// curl returns a command line for the operation, with its examples.
func curl(method, path string, o *openapi.Operation) string {
	var query, headers []string
	for _, p := range o.Parameters {
		example := fmt.Sprint(p.Example)
		switch {
		case p.Example == nil:
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", example)
		case p.In == "query":
			query = append(query, p.Name+"="+url.QueryEscape(example))
		case p.Required:
			headers = append(headers, p.Name+": "+example)
		}
	}
	out := "curl --fail-with-body"
	if method != "get" {
		out += " -X " + strings.ToUpper(method)
	}
	if len(o.Security) > 0 {
		out += ` -H "Authorization: Bearer $TOKEN"`
	}
	for _, h := range headers {
		out += " \\\n  -H '" + h + "'"
	}
	out += curlBody(o)
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return out + " \\\n  \"$LIFELINE" + path + `"`
}

// sampleMeta is the metadata in the example upload.
var sampleMeta = map[string]any{"kind": "reading", "title": "The appeal, whole", "language": "ko-KP", "voice": "Hana"}

func curlBody(o *openapi.Operation) string {
	if o.RequestBody == nil {
		return ""
	}
	for _, mediaType := range slices.Sorted(maps.Keys(o.RequestBody.Content)) {
		switch m := o.RequestBody.Content[mediaType]; {
		case mediaType == "multipart/form-data":
			return " \\\n  -F 'meta=" + compact(sampleMeta) + ";type=application/json' -F audio=@reading.mp3"
		case strings.HasPrefix(mediaType, "audio/"):
			return " \\\n  -H 'Content-Type: " + mediaType + "' --data-binary @reading.mp3"
		case m.Example != nil:
			return " \\\n  -H 'Content-Type: " + mediaType + "' -d '" + compact(m.Example) + "'"
		}
	}
	return ""
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error() // the example cannot be encoded: the document's test fails before
	}
	return strings.ReplaceAll(string(b), "'", `'\''`)
}

// indented formats an example for the page.
func indented(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	return string(b), err
}

func paragraphs(s string) []string { return strings.Split(s, "\n\n") }

// schemaKind describes a schema's type in a few words, with a link to the schema that it refers to.
type schemaKind struct{ Words, Link, After string }

func kindOf(s *openapi.Schema) schemaKind {
	switch {
	case s == nil || s.Nothing:
		return schemaKind{}
	case s.Ref != "":
		return schemaKind{Link: strings.TrimPrefix(s.Ref, "#/components/schemas/")}
	case len(s.AnyOf) > 0:
		k := kindOf(s.AnyOf[0])
		k.After += " or " + kindOf(s.AnyOf[1]).Words
		return k
	case s.Items != nil:
		k := kindOf(s.Items)
		k.Words = "list of " + k.Words
		return k
	case s.Additional != nil && !s.Additional.Nothing:
		k := kindOf(s.Additional)
		k.Words = "map of " + k.Words
		return k
	}
	k := schemaKind{Words: strings.Join(s.Type, " or ")}
	if s.Format != "" && s.Format != "int64" {
		k.Words += " (" + s.Format + ")"
	}
	for i, v := range s.Enum {
		k.Words += [...]string{" — ", ", "}[min(i, 1)] + compact(v)
	}
	if s.Minimum != nil {
		k.Words += fmt.Sprintf(", from %.0f", *s.Minimum)
	}
	if s.Maximum != nil {
		k.Words += fmt.Sprintf(" to %.0f", *s.Maximum)
	}
	if s.Pattern != "" && s.Format == "" {
		k.Words += " like " + s.Pattern
	}
	if k.Words == "" {
		k.Words = "anything"
	}
	return k
}
