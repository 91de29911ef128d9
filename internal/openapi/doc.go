// Package openapi defines the types of an OpenAPI 3.1 document and makes its schemas from Go types, so that the
// document describes exactly what is encoded and decoded. It does not depend on the documented service.
//
//   - doc.go and schema.go hold the document and its schemas, maker.go makes schemas, comments.go adds the comments of
//     the types.
//   - Package source reads the comments from the source; package conform tests a service against its document.
package openapi

// Version is the version of the specification that a Document follows.
const Version = "3.1.0"

// Document is a whole OpenAPI document.
type Document struct {
	OpenAPI    string               `json:"openapi"`
	Info       Info                 `json:"info"`
	Servers    []Server             `json:"servers,omitempty"`
	Tags       []Tag                `json:"tags"`
	Paths      map[string]*PathItem `json:"paths"`
	Components Components           `json:"components"`
}

// Info says what the service is.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

// Server is the base of the paths. Without one the base is the root of the host that served the document.
type Server struct {
	URL string `json:"url"`
}

// Tag groups operations.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// PathItem holds the operations of one path, by method in lower case.
type PathItem map[string]*Operation

// Operation is one method of one path.
type Operation struct {
	ID          string                `json:"operationId"`
	Tags        []string              `json:"tags"`
	Summary     string                `json:"summary"`
	Description string                `json:"description,omitempty"`
	Parameters  []Parameter           `json:"parameters,omitempty"`
	RequestBody *RequestBody          `json:"requestBody,omitempty"`
	Responses   map[string]*Response  `json:"responses"`
	Security    []map[string][]string `json:"security"`
	Roles       []string              `json:"x-roles,omitempty"` // roles that may call the operation
}

// Parameter is a part of the path, a query parameter or a header.
type Parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"` // path, query, header
	Description string  `json:"description"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
	Example     any     `json:"example,omitempty"`
}

// RequestBody is the body of a request, by media type.
type RequestBody struct {
	Description string                `json:"description,omitempty"`
	Required    bool                  `json:"required,omitempty"`
	Content     map[string]*MediaType `json:"content"`

	MaxBytes int64 `json:"x-max-bytes,omitempty"` // of a body that is read as a whole
}

// Response is one response of an operation, by media type.
type Response struct {
	Description string                `json:"description"`
	Headers     map[string]*Header    `json:"headers,omitempty"`
	Content     map[string]*MediaType `json:"content,omitempty"`
}

// Header is a header of a response.
type Header struct {
	Description string  `json:"description"`
	Schema      *Schema `json:"schema"`
}

// MediaType is one format of a body.
type MediaType struct {
	Schema  *Schema `json:"schema,omitempty"`
	Example any     `json:"example,omitempty"`
}

// Components are the parts that the document refers to.
type Components struct {
	Schemas         map[string]*Schema         `json:"schemas"`
	SecuritySchemes map[string]*SecurityScheme `json:"securitySchemes"`
}

// SecurityScheme is one way of authentication.
type SecurityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme,omitempty"` // of type http
	In          string `json:"in,omitempty"`     // of type apiKey
	Name        string `json:"name,omitempty"`
	Description string `json:"description"`
}
