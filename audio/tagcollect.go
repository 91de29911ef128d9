package audio

const (
	maxTagFrame = 64 << 10  // a single item of a tag that is kept: pictures are larger, and dropped
	maxTagTotal = 256 << 10 // all that is kept
)

// tagCollector keeps the small items of the tags that a scan passes and drops pictures and other large ones, in
// bounded memory, whatever sizes the tags claim.
type tagCollector struct {
	id3     []id3Item // of the first ID3v2 tags
	id3v1   []byte    // the last ID3v1 tag, 128 bytes
	ape     []apeItem // of the APE tags
	overrun bool      // a tag claims more bytes than the file has

	kind    byte // of the tag that is passing: its first byte
	id3Walk id3Walker
	apeWalk apeWalker
	whole   []byte
	kept    int
}

// id3Item is one frame of an ID3v2 tag: its header and body as they stand, unsynchronisation of the whole tag undone.
type id3Item struct {
	version byte // 2, 3 or 4
	raw     []byte
}

func (c *tagCollector) begin(b []byte) {
	c.kind, c.whole = b[0], c.whole[:0]
	c.id3Walk, c.apeWalk = id3Walker{}, apeWalker{skip: 32}
}

func (c *tagCollector) write(b []byte) {
	switch {
	case c.kind == 'I':
		c.id3Walk.write(b, c)
	case c.kind == 'A':
		c.apeWalk.write(b, c)
	case len(c.whole)+len(b) <= maxTagFrame:
		c.whole = append(c.whole, b...)
	default:
		c.kind = 0 // too large to keep
	}
}

func (c *tagCollector) end() {
	if c.kind == 'T' && len(c.whole) == 128 {
		c.id3v1 = append(c.id3v1[:0], c.whole...)
	}
}

// keep adds an item, unless there are too many.
func (c *tagCollector) keep(version byte, raw []byte) {
	if c.kept+len(raw) > maxTagTotal {
		return
	}
	c.kept += len(raw)
	c.id3 = append(c.id3, id3Item{version, append([]byte(nil), raw...)})
}

// id3Walker goes through an ID3v2 tag as its bytes pass (ID3v2.4.0 structure, 3 and 4).
type id3Walker struct {
	head    []byte // the tag header, then the header of the frame at hand
	item    []byte // the frame at hand, header included
	skip    int64  // bytes to drop
	left    int64  // bytes of the frame at hand that are to come
	started bool
	done    bool
	version byte
	unsync  bool // of the whole tag (2.2 and 2.3)
	last    byte
	ext     bool
}

func (w *id3Walker) write(b []byte, c *tagCollector) {
	for i := 0; i < len(b) && !w.done; {
		if w.started && w.unsync {
			if v := b[i]; w.last == 0xFF && v == 0 {
				w.last = 0
				i++
				continue
			}
			w.last = b[i]
		}
		n := 1
		switch {
		case !w.started:
			w.begin(b[i])
		case w.skip > 0:
			if n = 1; !w.unsync {
				n = int(min(w.skip, int64(len(b)-i)))
			}
			w.skip -= int64(n)
		case w.left > 0:
			if !w.unsync {
				n = int(min(w.left, int64(len(b)-i)))
			}
			w.item = append(w.item, b[i:i+n]...)
			if w.left -= int64(n); w.left == 0 {
				c.keep(w.version, w.item)
			}
		default:
			w.frameHeader(b[i])
		}
		i += n
	}
}

// begin takes a byte of the tag's header.
func (w *id3Walker) begin(v byte) {
	if w.head = append(w.head, v); len(w.head) < 10 {
		return
	}
	w.version, w.started = w.head[3], true
	w.done = w.version < 2 || w.version > 4
	w.unsync = w.version < 4 && w.head[5]&0x80 != 0
	w.ext = w.version > 2 && w.head[5]&0x40 != 0
	w.head = w.head[:0]
}

// frameHeader takes a byte of a frame's header, or of the extended header's length.
func (w *id3Walker) frameHeader(v byte) {
	w.head = append(w.head, v)
	if w.ext {
		if len(w.head) == 4 {
			w.skip = int64(w.head[0])<<24 | int64(w.head[1])<<16 | int64(w.head[2])<<8 | int64(w.head[3])
			if w.version == 4 {
				w.skip = max(syncsafe(w.head)-4, 0)
			}
			w.ext, w.head = false, w.head[:0]
		}
		return
	}
	want := 10
	if w.version == 2 {
		want = 6
	}
	if w.head[0] == 0 { // padding
		w.done = true
	}
	if len(w.head) < want {
		return
	}
	h := w.head
	switch w.version {
	case 2:
		w.left = int64(h[3])<<16 | int64(h[4])<<8 | int64(h[5])
	case 3:
		w.left = int64(h[4])<<24 | int64(h[5])<<16 | int64(h[6])<<8 | int64(h[7])
	case 4:
		if h[4]|h[5]|h[6]|h[7] >= 0x80 {
			w.done = true
			return
		}
		w.left = syncsafe(h[4:])
	}
	if w.left > maxTagFrame {
		w.skip, w.left = w.left, 0
	}
	w.item = append(w.item[:0], h...)
	w.head = w.head[:0]
}
