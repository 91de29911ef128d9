package conform_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/openapi/conform"
)

const document = `{"openapi":"3.1.0","components":{"schemas":{
	"Thing":{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"at":{"type":["string","null"],"format":"date-time"}}},
	"Problem":{"type":"object","required":["status"],"properties":{"status":{"type":"integer"}}}}},
 "paths":{"/things/{thing}":{"get":{"operationId":"getThing","responses":{
	"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}},"304":{},
	"5XX":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}}}}},
  "/things/all":{"get":{"operationId":"listThings","responses":{"200":{"content":{"text/plain":{}}}}}}}}`

// What differs from the document in any way is reported, and nothing else is.
func TestAnswersThatDifferAreReported(t *testing.T) {
	const json, problem = "application/json", "application/problem+json"
	for _, c := range []struct {
		name, method, path string
		status             int
		contentType, body  string
		says               string // of the report; empty: none
	}{
		{"as documented", "GET", "/things/a", 200, json, `{"id":"a","at":null}`, ""},
		{"a literal part before a variable one", "GET", "/things/all", 200, "text/plain", "hello", ""},
		{"a field that is missing", "GET", "/things/a", 200, json, `{}`, "missing property 'id'"},
		{"a field too many", "GET", "/things/a", 200, json, `{"id":"a","odd":1}`, "additional properties 'odd'"},
		{"a wrong type", "GET", "/things/a", 200, json, `{"id":5}`, "want string"},
		{"no instant", "GET", "/things/a", 200, json, `{"id":"a","at":"noon"}`, "date-time"},
		{"no JSON", "GET", "/things/a", 200, json, `{"id"`, "not JSON"},
		{"another content type", "GET", "/things/a", 200, "text/plain", `{"id":"a"}`, "content type"},
		{"another status", "GET", "/things/a", 201, json, `{"id":"a"}`, "status 201"},
		{"a failure of a range", "GET", "/things/a", 503, problem, `{"status":503}`, ""},
		{"a failure in plain text", "GET", "/things/a", 503, "text/plain", `no`, "content type"},
		{"a method that is not there", "DELETE", "/things/a", 200, json, `{"id":"a"}`, "method is not in the document"},
		{"a path that is not there", "GET", "/others", 200, json, `{}`, "path is not in the document"},
		{"a path that is not there, as a problem", "GET", "/others", 404, problem, `{"status":404}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			contract, err := conform.Read([]byte(document))
			if err != nil {
				t.Fatal(err)
			}
			var reported []string
			w := httptest.NewRecorder()
			contract.Watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Request-Id", "r")
				w.Header().Set("Content-Type", c.contentType)
				if c.status != http.StatusOK {
					w.WriteHeader(c.status)
					io.WriteString(w, c.body)
					return
				}
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				io.WriteString(z, c.body)
				z.Close()
			}), func(err error) { reported = append(reported, err.Error()) }).ServeHTTP(w, httptest.NewRequest(c.method, c.path,
				nil))
			got := strings.Join(reported, "\n")
			if c.says == "" && got != "" || !strings.Contains(got, c.says) || len(reported) > 1 {
				t.Errorf("reported %q, want %q", got, c.says)
			}
			if w.Code != c.status {
				t.Errorf("the answer became %d", w.Code)
			}
		})
	}
}
