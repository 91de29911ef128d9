package text

import (
	"bytes"
	"encoding/json"
)

// InStrings returns JSON with every string that is a value replaced by what f makes of it. name is that of the member
// whose value the string is or is in, and within that of the member whose object has this member; empty where there is
// none. All other bytes stay as they are. InStrings returns b itself if nothing changes.
func InStrings(b []byte, f func(within, name, value string) string) []byte {
	var out []byte
	var outer []string
	within, name, done := "", "", 0 // done: bytes of b that are in out
	for at := 0; at < len(b); at++ {
		switch b[at] {
		case '{':
			outer = append(outer, within, name)
			within, name = name, ""
			continue
		case '}':
			if n := len(outer) - 2; n >= 0 {
				within, name, outer = outer[n], outer[n+1], outer[:n]
			}
			continue
		case '"':
		default:
			continue
		}
		end := stringEnd(b, at)
		if end > len(b) {
			break
		}
		var was string
		if json.Unmarshal(b[at:end], &was) == nil {
			if rest := bytes.TrimLeft(b[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
				name = was
			} else if is := f(within, name, was); is != was {
				out = append(append(out, b[done:at]...), quoted(is)...)
				done = end
			}
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
