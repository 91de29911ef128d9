package audio

import "encoding/binary"

// apeItem is one text item of an APE tag.
type apeItem struct{ name, value string }

// apeWalker parses an APE tag, version 1 or 2, as its bytes arrive. An item consists of the length of its value, flags,
// a zero-terminated name, and the value.
type apeWalker struct {
	item []byte // the current item
	name int    // the length of its header with the name; 0 while that is incomplete
	left int64  // bytes of its value that are to come
	skip int64  // remaining bytes of its value
}

const maxAPEName = 255

func (w *apeWalker) write(b []byte, c *tagCollector) {
	for len(b) > 0 {
		switch {
		case w.skip > 0:
			n := min(w.skip, int64(len(b)))
			w.skip -= n
			b = b[n:]
		case w.left > 0:
			n := min(w.left, int64(len(b)))
			w.item = append(w.item, b[:n]...)
			b = b[n:]
			if w.left -= n; w.left == 0 {
				c.keepAPE(string(w.item[8:w.name-1]), string(w.item[w.name:]))
				w.item = w.item[:0]
			}
		default:
			w.head(b[0])
			b = b[1:]
		}
	}
}

// head consumes one byte of an item's header.
func (w *apeWalker) head(v byte) {
	w.item = append(w.item, v)
	if len(w.item) <= 8 || v != 0 {
		if len(w.item) > 8+maxAPEName { // not an item: drop the rest
			w.skip = 1 << 62
		}
		return
	}
	n, text := int64(binary.LittleEndian.Uint32(w.item)), binary.LittleEndian.Uint32(w.item[4:])&6 == 0
	if w.name, w.left = len(w.item), n; n == 0 || n > maxTagFrame || !text {
		w.skip, w.left, w.item = n, 0, w.item[:0]
	}
}

// keepAPE adds an item, unless there are too many.
func (c *tagCollector) keepAPE(name, value string) {
	if n := len(name) + len(value); c.kept+n <= maxTagTotal {
		c.kept += n
		c.ape = append(c.ape, apeItem{name, value})
	}
}
