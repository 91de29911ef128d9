package httpapi

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"lifeline/internal/openapi"
)

// commentsJSON holds the comments of the contract's types and fields, as in their source. go generate writes it; a test
// checks that it equals the source.
//
//go:generate go test . -run TestCommentsOfTheDocumentAreThoseOfTheSource -update
//go:embed comments.json
var commentsJSON []byte

func comments() (openapi.Comments, error) {
	var c openapi.Comments
	if err := json.Unmarshal(commentsJSON, &c); err != nil {
		return nil, fmt.Errorf("httpapi: comments.json: %w", err)
	}
	return c, nil
}
