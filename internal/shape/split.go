package shape

// Element is a member of a JSON object, or an entry of a list.
type Element struct {
	Name  []byte // as it is written, in quotes; nil in a list
	Value []byte
}

// Split returns the members of an object or the entries of a list, which must be valid JSON. They share the bytes of b:
// what is deep within a large document is not copied for each level. It returns nil for any other value.
func Split(b []byte) (list []Element) {
	i := space(b, 0)
	if i == len(b) || b[i] != '{' && b[i] != '[' {
		return nil
	}
	object := b[i] == '{'
	list = []Element{}
	for i = space(b, i+1); i < len(b) && b[i] != '}' && b[i] != ']'; i = space(b, i) {
		var m Element
		if b[i] == ',' {
			i = space(b, i+1)
		}
		if object {
			end := after(b, min(i, len(b)))
			m.Name = b[min(i, end):end]
			i = space(b, space(b, end)+1) // the colon
		}
		end := after(b, min(i, len(b)))
		if end <= i {
			return list // not valid
		}
		m.Value, i = b[i:end:end], end
		list = append(list, m)
	}
	return list
}

// space returns the place of the first byte from i on that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// after returns the place after the value at i.
func after(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = quoted(b, i)
		case '[', '{':
			depth++
			i++
			continue
		case ']', '}':
			if depth == 0 {
				return i // of the list or object around a number
			}
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default: // a part of a number or a literal
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// quoted returns the place after the string that begins at i.
func quoted(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
