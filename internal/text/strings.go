package text

import (
	"bytes"
	"encoding/json"
)

// InStrings returns JSON with every string, also the names of members, replaced by what f makes of it. name is that of
// the member whose value the string is or is in, and empty for the name of a member. All other bytes stay as they are.
// InStrings returns b itself if nothing changes.
func InStrings(b []byte, f func(name, value string) string) []byte {
	var out []byte
	name, done := "", 0 // bytes of b that are in out
	for at := 0; at < len(b); at++ {
		if b[at] != '"' {
			continue
		}
		end := stringEnd(b, at)
		if end > len(b) {
			break
		}
		var was string
		if json.Unmarshal(b[at:end], &was) != nil {
			at = end - 1
			continue
		}
		of := name
		if rest := bytes.TrimLeft(b[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			name, of = was, ""
		}
		if is := f(of, was); is != was {
			out = append(append(out, b[done:at]...), quoted(is)...)
			done = end
		}
		at = end - 1
	}
	if done == 0 {
		return b
	}
	return append(out, b[done:]...)
}

// stringEnd returns the index after the string that begins at b[at]; beyond b if it does not end.
func stringEnd(b []byte, at int) int {
	for at++; at < len(b) && b[at] != '"'; at++ {
		if b[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// quoted returns s as encoding/json writes it.
func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`) // cannot happen: a string is always JSON
	}
	return bytes.TrimSpace(b)
}
