package shape

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a YAML document, whose parser needs about a kilobyte for each token.
const (
	MaxYAML = 512 << 10 // bytes
	// MaxTokens counts the texts and the marks of a document: "a: [1, 2]" has seven.
	MaxTokens = 60_000
	maxKeys   = 1000 // of one mapping: the parser compares each with all before it
	maxMarks  = 150_000
)

// YAML fails if a document is too large, nested too deeply, or has too many tokens. It refuses aliases and merge keys,
// since a few can stand for more than fits into memory, and a second document, since it would be ignored.
func YAML(b []byte) error {
	if len(b) > MaxYAML {
		return fmt.Errorf("the body is YAML of %d bytes: at most %d are taken. Send it in parts, or as JSON", len(b), MaxYAML)
	}
	if n := marks(b); n > maxMarks {
		return tooManyTokens(n)
	}
	tokens := lexer.Tokenize(string(b))
	if len(tokens) > MaxTokens {
		return tooManyTokens(len(tokens))
	}
	var in nesting
	begun, ended := false, false
	for _, t := range tokens {
		switch t.Type {
		case token.AliasType, token.MergeKeyType:
			return fmt.Errorf("line %d of the body uses a YAML alias, which is not supported: write out the value", t.Position.Line)
		case token.DocumentHeaderType, token.DocumentEndType:
			ended = ended || begun
			continue
		case token.CommentType:
			continue
		}
		begun = true
		if ended {
			return fmt.Errorf("line %d begins another YAML document: send one document with all stations, clocks and "+
				"campaigns", t.Position.Line)
		}
		if err := in.take(t); err != nil {
			return err
		}
	}
	return nil
}

func tooManyTokens(n int) error {
	return fmt.Errorf("the body has about %d texts and marks of YAML: at most %d are taken. Send it in parts, or as JSON", n,
		MaxTokens)
}

// marks counts the bytes at which a token can begin.
func marks(b []byte) (n int) {
	for _, c := range b {
		if strings.IndexByte("[]{},:-?&*!|>%@`\"'#\n", c) >= 0 {
			n++
		}
	}
	return n
}

// nesting follows the lists and mappings in which a token is.
type nesting struct {
	levels []level
	run    int // tags and anchors in a row
}

// level is a list or mapping.
type level struct {
	flow   bool // in brackets or braces
	column int  // of its entries, unless it is in brackets or braces
	keys   int
}

func (n *nesting) take(t *token.Token) error {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.levels = append(n.levels, level{flow: true})
	case token.SequenceEndType, token.MappingEndType:
		if top := len(n.levels) - 1; top >= 0 && n.levels[top].flow {
			n.levels = n.levels[:top]
		}
	case token.SequenceEntryType, token.MappingKeyType:
		n.entry(t.Position.Column)
	case token.MappingValueType:
		key := t
		if t.Prev != nil && t.Prev.Position.Line == t.Position.Line {
			key = t.Prev
		}
		in := n.entry(key.Position.Column)
		if in.keys++; in.keys > maxKeys {
			return fmt.Errorf("line %d of the body has one key more than the %d that a mapping may have", t.Position.Line,
				maxKeys)
		}
	}
	named := t.Prev != nil && t.Prev.Type == token.AnchorType // the name of an anchor is a token of its own
	switch {
	case t.Type == token.TagType || t.Type == token.AnchorType:
		n.run++
	case !named:
		n.run = 0
	}
	if len(n.levels) > MaxDepth || n.run > MaxDepth {
		return tooDeep(t.Position.Line)
	}
	return nil
}

// entry returns the level of an entry that begins in a column.
func (n *nesting) entry(column int) *level {
	top := len(n.levels) - 1
	if top >= 0 && n.levels[top].flow {
		return &n.levels[top]
	}
	for ; top >= 0 && !n.levels[top].flow && n.levels[top].column > column; top-- {
		n.levels = n.levels[:top]
	}
	if top < 0 || n.levels[top].flow || n.levels[top].column < column {
		n.levels = append(n.levels, level{column: column})
		top++
	}
	return &n.levels[top]
}
