package audio

const (
	maxTagFrame = 64 << 10  // the largest item that is kept; pictures are larger and dropped
	maxTagTotal = 256 << 10 // the total of all kept items
)

// tagCollector keeps the small items of the tags that a scan passes and drops pictures and other large ones. Its memory
// is bounded regardless of the sizes that the tags claim.
type tagCollector struct {
	id3     []id3Item // of the first ID3v2 tags
	id3v1   []byte    // the last ID3v1 tag, 128 bytes
	ape     []apeItem // of the APE tags
	overrun bool      // a tag claims more bytes than the file has

	kind    byte // first byte of the current tag
	id3Walk id3Walker
	apeWalk apeWalker
	whole   []byte
	kept    int
}

// id3Item is one frame of an ID3v2 tag: its raw header and body, with the unsynchronisation of the whole tag undone.
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
