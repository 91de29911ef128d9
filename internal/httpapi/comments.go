package httpapi

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"lifeline/internal/openapi"
)

// commentsJSON has the comments of the contract's types and their fields, as they stand beside them in the source.
// Generate writes it anew; a test holds that it is as the source is.
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
