package audio

// id3Walker parses an ID3v2 tag as its bytes arrive (ID3v2.4.0 structure, 3 and 4).
type id3Walker struct {
	head    []byte // the tag header, then the header of the current frame
	item    []byte // the current frame with its header
	skip    int64  // bytes to drop
	left    int64  // remaining bytes of the current frame
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

// begin consumes one byte of the tag's header.
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

// frameHeader consumes one byte of a frame's header, or of the extended header's length.
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
