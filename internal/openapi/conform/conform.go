// Package conform checks a running service against its OpenAPI document, for tests. It reads the document from its
// JSON, as any client would, and validates bodies by a JSON Schema library.
package conform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is an OpenAPI document that is ready to be held against answers. It is safe for use from many goroutines.
type Contract struct {
	Paths    map[string]map[string]Operation // by path template and method in lower case
	document any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	schemas  map[string]*jsonschema.Schema // by JSON pointer
}

// Operation is what a test needs to know of an operation.
type Operation struct {
	ID          string `json:"operationId"`
	Parameters  []Parameter
	RequestBody *struct {
		Required bool
		Content  map[string]Media
		MaxBytes int `json:"x-max-bytes"`
	}
	Responses map[string]struct{ Content map[string]Media }
	Security  []map[string][]string
	Roles     []string `json:"x-roles"`
}

// Parameter is one parameter of an operation.
type Parameter struct {
	Name, In string
	Required bool
	Schema   map[string]any
	Example  any
}

// Media is one form of a body.
type Media struct {
	Schema  map[string]any
	Example any
}

const resource = "openapi.json"

// Read takes a document. Objects are closed: an answer may hold only the fields that the document names, even though
// callers are told to bear with more.
func Read(document []byte) (*Contract, error) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, fmt.Errorf("conform: %w", err)
	}
	c := &Contract{document: parsed, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	var typed struct {
		Paths map[string]map[string]Operation
	}
	if err := json.Unmarshal(document, &typed); err != nil {
		return nil, fmt.Errorf("conform: %w", err)
	}
	c.Paths = typed.Paths
	closeObjects(parsed)
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(resource, parsed)
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, object := v["properties"].(map[string]any); object {
			if _, said := v["additionalProperties"]; !said {
				v["additionalProperties"] = false
			}
		}
		for name, part := range v {
			if name != "example" {
				closeObjects(part)
			}
		}
	case []any:
		for _, part := range v {
			closeObjects(part)
		}
	}
}

// Find is the template of a path, with literal parts before variable ones; false when the document has none.
func (c *Contract) Find(path string) (template string, ok bool) {
	best := -1
	for t := range c.Paths {
		if n, fits := literal(t, path); fits && n > best {
			best, template = n, t
		}
	}
	return template, best >= 0
}

// literal counts the literal parts of a template that a path fits.
func literal(template, path string) (int, bool) {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return 0, false
	}
	n := 0
	for i := range a {
		switch {
		case a[i] == b[i]:
			n++
		case !strings.HasPrefix(a[i], "{") || b[i] == "":
			return 0, false
		}
	}
	return n, true
}

// Answer is one whole answer. Body is nil when it was not recorded.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Check says how an answer differs from the document.
func (c *Contract) Check(method, path string, a Answer) error {
	if a.Header.Get("X-Request-Id") == "" {
		return errors.New("there is no X-Request-Id")
	}
	template, ok := c.Find(path)
	if !ok {
		if a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed {
			return fmt.Errorf("the path is not in the document, and is answered %d", a.Status)
		}
		return c.problem(a)
	}
	operation, ok := c.Paths[template][strings.ToLower(method)]
	if !ok {
		if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") == "" {
			return fmt.Errorf("the method is not in the document, and is answered %d (Allow: %q)", a.Status,
				a.Header.Get("Allow"))
		}
		return c.problem(a)
	}
	status := fmt.Sprint(a.Status)
	response, ok := operation.Responses[status]
	if !ok && a.Status >= 500 {
		status = "5XX"
		response, ok = operation.Responses[status]
	}
	if !ok {
		return fmt.Errorf("the status %d is not in the document", a.Status)
	}
	if strings.EqualFold(method, http.MethodHead) || len(response.Content) == 0 {
		if len(a.Body) > 0 {
			return fmt.Errorf("there is a body of %d bytes where none belongs", len(a.Body))
		}
		return nil
	}
	given := a.Header.Get("Content-Type")
	if plain, _, found := strings.Cut(given, ";"); found && response.Content[given].Schema == nil {
		given = plain // the document may leave parameters out
	}
	if _, ok := response.Content[given]; !ok {
		return fmt.Errorf("the content type %q is not in the document for %s", given, status)
	}
	if !isJSON(given) {
		return nil
	}
	return c.Valid(AnswerPointer(template, strings.ToLower(method), status, given), a.Body)
}

func (c *Contract) problem(a Answer) error {
	if given := a.Header.Get("Content-Type"); given != "application/problem+json" {
		return fmt.Errorf("a failure has the content type %q", given)
	}
	if a.Body == nil {
		return nil // to HEAD
	}
	return c.Valid(pointer("components", "schemas", "Problem"), a.Body)
}

// RequestPointer is where the schema of a request body stands.
func RequestPointer(template, method, mediaType string) string {
	return pointer("paths", template, method, "requestBody", "content", mediaType, "schema")
}

// AnswerPointer is where the schema of an answer's body stands.
func AnswerPointer(template, method, status, mediaType string) string {
	return pointer("paths", template, method, "responses", status, "content", mediaType, "schema")
}

// Valid holds a JSON body against the schema that stands at a JSON pointer of the document.
func (c *Contract) Valid(pointer string, body []byte) error {
	c.mu.Lock()
	schema, ok := c.schemas[pointer]
	if !ok {
		var err error
		if schema, err = c.compiler.Compile(resource + "#" + pointer); err != nil {
			c.mu.Unlock()
			return fmt.Errorf("conform: %s: %w", pointer, err)
		}
		c.schemas[pointer] = schema
	}
	c.mu.Unlock()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the body is not JSON: %w: %.200q", err, body)
	}
	return schema.Validate(value)
}

// Resolve follows a schema's reference within the document.
func (c *Contract) Resolve(schema map[string]any) map[string]any {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		var at any = c.document
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			at = at.(map[string]any)[part]
		}
		schema = at.(map[string]any)
	}
}

// pointer is a JSON pointer (RFC 6901) in the form of a URL's fragment.
func pointer(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		p = strings.NewReplacer("~", "~0", "/", "~1").Replace(p)
		b.WriteString(strings.NewReplacer("%", "%25", " ", "%20", "{", "%7B", "}", "%7D", ";", "%3B").Replace(p))
	}
	return b.String()
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}
