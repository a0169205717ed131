package probe

import (
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// maxBlock is how many bytes of a field block are sent in one frame: as many as every server takes
// (RFC 9113 §4.2).
const maxBlock = 16 << 10

// open opens a stream with a request. It is written at once.
func (a *streamed) open(fields []h2.Field, end bool, cut int) *strand {
	s := &strand{a: a, id: a.next}
	a.strands[s.id] = s
	a.next += 2
	a.head(s.id, fields, end, cut)
	return s
}

// get opens a stream with the request for a page.
func (a *streamed) get(mark string) *strand {
	fields := a.s.Next
	if a.s.Marked {
		fields = append(fields[:len(fields):len(fields)], h2.Field{Name: rules.MarkField, Value: mark})
	}
	s := a.open(fields, true, 0)
	a.flush()
	return s
}

// head writes a field block, cut after so many bytes, and where a frame is full.
func (a *streamed) head(id uint32, fields []h2.Field, end bool, cut int) {
	a.block.Reset()
	for _, f := range fields {
		_ = a.encoder.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value, Sensitive: f.Sensitive})
	}
	rest := a.block.Bytes()
	if cut == 0 || cut > maxBlock {
		cut = maxBlock
	}
	n := min(cut, len(rest))
	_ = a.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: rest[:n], EndStream: end, EndHeaders: n == len(rest)})
	for rest = rest[n:]; len(rest) > 0; rest = rest[n:] {
		n = min(len(rest), maxBlock)
		_ = a.framer.WriteContinuation(id, n == len(rest), rest[:n])
	}
}

// put writes a frame on a stream.
func (a *streamed) put(s *strand, part rules.StreamPart) {
	switch part.Kind {
	case h2.Data:
		_ = a.framer.WriteData(s.id, part.End, []byte(part.Data))
	case h2.Headers:
		_ = a.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: []byte(part.Data), EndStream: part.End, EndHeaders: true})
	case h2.Reset:
		_ = a.framer.WriteRSTStream(s.id, http2.ErrCode(part.Code))
	}
	s.closed = s.closed || part.End || part.Kind == h2.Reset
}

// say sends text in a DATA frame of a stream.
func (a *streamed) say(s *strand, text string) {
	a.put(s, rules.StreamPart{Kind: h2.Data, Data: text})
	a.flush()
}
