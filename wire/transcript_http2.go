package wire

import (
	"bytes"
	"maps"
	"slices"

	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// HTTP2 returns a connection of HTTP/2 on which nothing happens but the stream that the transcript is of;
// nil if it is not of one. The first chunk of each side is its preface, as far as it has one, and
// SETTINGS; then comes a chunk for each chunk of the transcript, and one for the end of each side. Heads are
// encoded anew, without references to others: as they were encoded is not known.
func (t *Transcript) HTTP2() *Transcript {
	what := t.stream()
	if what == nil {
		return nil
	}
	w := &http2Writing{Transcript: Transcript{Meta: t.Meta}, stream: *what}
	w.stream.ID = max(what.ID, 1)
	w.settings()
	for _, c := range t.Chunks {
		if !c.Far {
			w.chunk(c)
		}
	}
	first, second := FromClient, FromServer
	if t.End == "closed" || t.End == "reset" {
		first, second = second, first
	}
	w.end(first)
	w.end(second)
	if t.End == "silent" {
		w.End = t.End
	}
	return &w.Transcript
}

// http2Writing is a transcript that is being written as frames.
type http2Writing struct {
	Transcript
	stream Stream
	heads  [2]int    // of each side
	part   [2][]byte // of a head that is not complete
	ended  [2]bool
}

// maxWritten is how much of a frame is payload: what every receiver takes (RFC 9113 §4.2).
const maxWritten = 16 << 10

// settings begins both sides.
func (w *http2Writing) settings() {
	on := w.stream.Connection
	if on == nil {
		on = new(Connection)
		switch w.stream.Offered {
		case OfferYes:
			on.Server.Connect = []uint32{1}
		case OfferNo:
			on.Server.Connect = []uint32{0}
		case OfferBroken:
			on.Server.Connect = []uint32{2}
		}
	}
	w.Chunks = append(w.Chunks,
		Chunk{From: FromClient, Bytes: frame([]byte(h2.Preface), h2.Settings, 0, 0, on.Client.payload())},
		Chunk{From: FromServer, Bytes: frame(nil, h2.Settings, 0, 0, on.Server.payload())})
}

// payload is a SETTINGS frame with all that a side has sent.
func (s *ConnectionSide) payload() (b []byte) {
	for _, id := range slices.Sorted(maps.Keys(s.Settings)) {
		if id != settingConnectProtocol {
			b = number(append(b, byte(id>>8), byte(id)), s.Settings[id])
		}
	}
	for _, value := range s.Connect {
		b = number(append(b, 0, settingConnectProtocol), value)
	}
	return b
}

// chunk writes a chunk: heads first, and then data.
func (w *http2Writing) chunk(c Chunk) {
	var b []byte
	d, rest := c.From, c.Bytes
	for len(rest) > 0 && w.awaitsHead(d) {
		whole := slices.Concat(w.part[d], rest)
		head, after, complete := bytes.Cut(whole, []byte("\r\n\r\n"))
		if !complete {
			w.part[d], rest = whole, nil
			break
		}
		w.part[d], rest = nil, after
		b = w.head(b, d, whole[:len(head)+len("\r\n\r\n")])
	}
	for len(rest) > 0 {
		n := min(len(rest), maxWritten)
		b, rest = frame(b, h2.Data, 0, w.stream.ID, rest[:n]), rest[n:]
	}
	if len(b) > 0 {
		w.Chunks = append(w.Chunks, Chunk{From: d, Bytes: b, Idle: c.Idle})
	}
}

// awaitsHead reports whether the next bytes of a side are a head: the request, or responses up to one that
// is not interim.
func (w *http2Writing) awaitsHead(d Direction) bool { return w.heads[d] == 0 }

// head writes a head.
func (w *http2Writing) head(b []byte, d Direction, raw []byte) []byte {
	h, final := &ReadRequest(raw).Head, true
	if d == FromServer {
		p := ReadResponse(raw)
		h, final = &p.Head, p.Status/100 != 1 || p.Status == 101
	}
	flags := uint8(0)
	if final {
		w.heads[d]++
		if side := w.stream.side(d); side.AtHead && side.End == StreamEnded {
			flags, w.ended[d] = h2.FlagEndStream, true
		}
	}
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSize(0)
	for _, f := range h.HTTP2Fields() {
		_ = e.WriteField(hpack.HeaderField(f)) // a buffer takes everything
	}
	kind, rest := h2.Headers, block.Bytes()
	for {
		n := min(len(rest), maxWritten)
		more := n < len(rest)
		if !more {
			flags |= h2.FlagEndHeaders
		}
		b = frame(b, kind, flags, w.stream.ID, rest[:n])
		if kind, flags, rest = h2.Continuation, 0, rest[n:]; !more {
			return b
		}
	}
}

// end writes how a side ended.
func (w *http2Writing) end(d Direction) {
	side := w.stream.side(d)
	var b []byte
	switch {
	case w.ended[d]:
		return
	case side.End == StreamEnded:
		b = frame(nil, h2.Data, h2.FlagEndStream, w.stream.ID, nil)
	case side.End == StreamReset:
		b = frame(nil, h2.Reset, 0, w.stream.ID, number(nil, uint32(side.Code)))
	case side.End == StreamAway:
		var away GoAwayFrame
		if on := w.stream.Connection; on != nil && on.Server.GoAway != nil {
			away = *on.Server.GoAway
		}
		b = frame(nil, h2.GoAway, 0, 0, number(number(nil, min(away.Last, w.stream.ID-1)), uint32(away.Code)))
	default:
		return
	}
	w.Chunks = append(w.Chunks, Chunk{From: d, Bytes: b})
}

// number appends a number of 32 bits.
func number(b []byte, n uint32) []byte {
	return append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// frame appends a frame.
func frame(b []byte, kind h2.Type, flags uint8, stream uint32, payload []byte) []byte {
	b = append(b, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), byte(kind), flags)
	return append(number(b, stream), payload...)
}
