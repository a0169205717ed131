package ws

import (
	"errors"
	"io"
)

// The bounds of decompressing. A message is kept in memory while it comes, since it is decompressed
// when it has ended.
const (
	maxDeflated = 256 << 10 // bytes of a compressed message; of longer ones only the beginning is decompressed
	maxInflated = 4 << 20   // bytes that a message may decompress to
	freeRatio   = 1 << 20   // bytes that all messages of a side may decompress to however small they are
	maxRatio    = 100       // bytes more for each compressed byte
	maxStreams  = 16        // final blocks of a message, after each of which decompressing begins anew
)

// An inflater decompresses the messages of one side (RFC 7692 §7.2.2).
type inflater struct {
	takeover bool  // a message may refer to data of those before it
	size     int   // bytes that it may refer to
	in, out  int64 // bytes of all messages so far, compressed and not
	lost     Cut   // why no more messages are decompressed
	window   []byte
}

// An inflated is a message that was decompressed.
type inflated struct {
	data []byte // how it begins
	size int64  // SizeUnknown if it was not decompressed to its end
	utf8 bool
	cut  Cut
}

// inflate decompresses a message, or only its beginning, and returns at most limit bytes of it.
func (f *inflater) inflate(b []byte, whole bool, limit int, memory *Memory) (m inflated) {
	if f.lost != Whole {
		return inflated{size: SizeUnknown, cut: f.lost}
	}
	i := memory.inflating()
	defer memory.putInflating(i)
	f.in += int64(len(b))
	i.source.open(b, whole)
	if !f.takeover {
		f.window = nil
	}
	var check text
	m.utf8 = true
	for streams := 0; m.cut == Whole && i.source.left() > 0; streams++ {
		if streams == maxStreams {
			m.cut = CutCorrupt
			break
		}
		m.cut = f.stream(i, &m, &check, whole, limit)
	}
	m.utf8 = m.utf8 && check.need == 0
	switch {
	case m.cut != Whole:
		m.size = SizeUnknown
	case !whole:
		m.size, m.cut = SizeUnknown, CutLong
	case m.size > int64(len(m.data)):
		m.cut = CutLong
	}
	switch {
	case m.cut == CutRatio:
		f.lost = CutRatio
	case m.size == SizeUnknown && f.takeover:
		f.lost = CutContext
	}
	if f.lost != Whole || !f.takeover {
		f.window = nil
	}
	return m
}

// stream decompresses up to a final block.
func (f *inflater) stream(i *inflating, m *inflated, check *text, whole bool, limit int) Cut {
	if i.reader.Reset(&i.source, f.window) != nil {
		return CutCorrupt
	}
	reader, _ := i.reader.(io.Reader)
	for {
		n, err := reader.Read(i.chunk[:])
		p := i.chunk[:n]
		m.size += int64(n)
		f.out += int64(n)
		if m.size > maxInflated || f.out > freeRatio+maxRatio*f.in {
			return CutRatio
		}
		m.data = append(m.data, p[:min(n, limit-len(m.data))]...)
		m.utf8 = m.utf8 && check.check(p, [4]byte{}, 0)
		f.remember(p)
		switch {
		case err == io.EOF:
			return Whole
		case !whole && (errors.Is(err, io.ErrUnexpectedEOF) || len(m.data) == limit):
			return CutLong
		case err != nil:
			return CutCorrupt
		}
	}
}

// remember keeps the last output, to which what follows may refer.
func (f *inflater) remember(p []byte) {
	if len(p) >= f.size {
		f.window = append(f.window[:0], p[len(p)-f.size:]...)
		return
	}
	if excess := len(f.window) + len(p) - f.size; excess > 0 {
		f.window = f.window[:copy(f.window, f.window[excess:])]
	}
	f.window = append(f.window, p...)
}

// A compressed is a message as its decompressor reads it: with the end that was left out when it was
// sent, and an empty final block (RFC 7692 §7.2.2).
type compressed struct{ b, end []byte }

func (c *compressed) open(b []byte, whole bool) {
	*c = compressed{b: b}
	if whole {
		c.end = []byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff")
	}
}

func (c *compressed) left() int { return len(c.b) + len(c.end) }

// ReadByte is part of io.ByteReader, with which nothing is read beyond a final block.
func (c *compressed) ReadByte() (byte, error) {
	var one [1]byte
	_, err := c.Read(one[:])
	return one[0], err
}

// Read is part of io.Reader.
func (c *compressed) Read(p []byte) (n int, err error) {
	if len(c.b) == 0 {
		c.b, c.end = c.end, nil
	}
	if n = copy(p, c.b); n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	c.b = c.b[n:]
	return n, nil
}
