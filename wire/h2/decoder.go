package h2

import "time"

// A Decoder is a [Reader] that also decodes the streams of a connection from its first byte, and hands
// over what it reads as events, in the order of the bytes that are fed. It never answers.
//
// Each side is decoded until something is wrong with it, and never again after that; see EventBlind.
// Its frames are still counted unless they are what is wrong. A Decoder does not remember streams.
type Decoder struct {
	Reader
	handle func(*Event)
	halves [2]half // by Side
	fields []Field // memory for those of one block
	size   int     // of these
	event  Event
	at     time.Duration
}

// A half is what is known of one side beyond its frames.
type half struct {
	block    block
	settings values
	skip     uint32 // how many of the next bytes of content are skipped and counted
	want     uint32 // how many of those after these are looked at
	blind    bool
}

// NewDecoder returns a decoder for a connection that begins at that time. It calls handle from Feed,
// Skip and Stop; handle must not call them.
func NewDecoder(terms Terms, began time.Duration, handle func(*Event)) *Decoder {
	d := &Decoder{Reader: newReader(terms, began), handle: handle, at: began}
	d.decoder = d
	for from := range d.halves {
		d.halves[from].settings = initial()
	}
	for _, s := range terms.Settings {
		if !s.wrong() {
			d.apply(Client, s)
		}
	}
	return d
}

// next returns an event to be completed and handed over.
func (d *Decoder) next(kind EventKind, from Side, stream uint32, offset int64) *Event {
	d.event = Event{Kind: kind, From: from, Stream: stream, Offset: offset, At: d.at}
	return &d.event
}

// hand hands an event over.
func (d *Decoder) hand(e *Event) {
	d.handle(e)
	*e = Event{} // it refers to memory of others
}

// plan hands an event over, and plans what the receiver says of the next bytes of the content, of which there are that many.
func (d *Decoder) plan(half *half, e *Event, left uint32) {
	d.handle(e)
	half.skip = min(e.Skip, left)
	half.want = min(e.Want, left-half.skip)
	*e = Event{}
}

// passed takes that bytes of a payload came and were not looked at.
func (d *Decoder) passed(from Side, n uint32) {
	if d == nil || d.halves[from].skip == 0 {
		return
	}
	s, half := &d.sides[from], &d.halves[from]
	n = min(n, half.skip)
	half.skip -= n
	h, _ := ReadHead(s.head[:])
	e := d.next(EventSkipped, from, h.Stream, s.offset)
	e.Length = n
	d.hand(e)
}

// blind reports whether a side is not decoded.
func (d *Decoder) blind(from Side) bool { return d == nil || d.halves[from].blind }

// lose ends the decoding of a side.
func (d *Decoder) lose(from Side, why Blindness, offset int64, detail string) {
	if d.blind(from) {
		return
	}
	half := &d.halves[from]
	half.blind, half.skip, half.want, half.block = true, 0, 0, block{}
	e := d.next(EventBlind, from, 0, offset)
	e.Blind, e.Detail = why, detail
	d.hand(e)
}

// begin takes the head of a frame.
func (d *Decoder) begin(from Side, h Head) {
	if d.blind(from) {
		return
	}
	switch {
	case h.Kind() == Settings && h.has(flagAck):
		d.hand(d.next(EventSettingsAck, from, 0, d.sides[from].frame(h)))
	case h.content() && h.prefix() == 0:
		d.ready(from, h)
	case h.alternative() && from == Server:
		d.halves[from].want = min(h.Length, MaxAltSvc)
	}
	if h.Length == 0 {
		d.end(from, h)
	}
}

// ready begins the content of a frame, whose size is known.
func (d *Decoder) ready(from Side, h Head) {
	if d.blind(from) {
		return
	}
	s, half := &d.sides[from], &d.halves[from]
	size := h.Length - h.prefix() - uint32(s.pad)
	if h.Kind() == Data {
		e := d.next(EventData, from, h.Stream, s.frame(h))
		e.EndStream, e.Length = h.has(FlagEndStream), size
		d.plan(half, e, size)
		return
	}
	half.block.extend(h, s.frame(h), s.promised(h))
	if uint32(len(half.block.bytes))+size > MaxBlock {
		d.lose(from, BlindBlock, half.block.offset, "")
		return
	}
	half.want = size
	if size == 0 {
		d.take(from, h, nil)
	}
}

// wanted returns how many of the next bytes of the content at hand are looked at.
func (d *Decoder) wanted(from Side) int {
	if d == nil || d.halves[from].skip > 0 {
		return 0
	}
	return int(d.halves[from].want)
}

// idle returns how many of the next bytes of the payload at hand are not looked at, of that many.
func (d *Decoder) idle(from Side, left uint32) uint32 {
	if d == nil || d.halves[from].skip == 0 || d.halves[from].want == 0 {
		return left
	}
	return d.halves[from].skip
}

// take takes bytes of content, at most those that are wanted.
func (d *Decoder) take(from Side, h Head, p []byte) {
	s, half := &d.sides[from], &d.halves[from]
	half.want -= uint32(len(p))
	k := &half.block
	switch {
	case h.Kind() == Data:
		e := d.next(EventPayload, from, h.Stream, s.offset)
		e.Data, e.Want = p, half.want
		d.plan(half, e, s.left-uint32(len(p))-uint32(s.pad))
	case h.alternative():
		if k.bytes = append(k.bytes, p...); half.want == 0 {
			e := d.next(EventAltSvc, from, h.Stream, s.frame(h))
			e.Data, k.bytes = k.bytes, nil // the frame is not within a field block
			d.hand(e)
		}
	case half.want > 0 || !h.has(FlagEndHeaders):
		k.bytes = append(k.bytes, p...)
	case len(k.bytes) > 0:
		d.decode(from, append(k.bytes, p...))
	default:
		d.decode(from, p)
	}
}

// end takes the end of a frame.
func (d *Decoder) end(from Side, h Head) {
	if !d.blind(from) && h.Kind() == Data && h.has(FlagEndStream) {
		d.hand(d.next(EventEnd, from, h.Stream, d.sides[from].frame(h)))
	}
}

func (d *Decoder) reset(from Side, h Head, code Code) {
	if !d.blind(from) {
		e := d.next(EventReset, from, h.Stream, d.sides[from].frame(h))
		e.Code = code
		d.hand(e)
	}
}

func (d *Decoder) goAway(from Side, h Head, last uint32, code Code) {
	if !d.blind(from) {
		e := d.next(EventGoAway, from, 0, d.sides[from].frame(h))
		e.Last, e.Code = last, code
		d.hand(e)
	}
}

func (d *Decoder) ping(from Side, h Head, data []byte) {
	if !d.blind(from) {
		e := d.next(EventPing, from, 0, d.sides[from].frame(h))
		e.Data = data
		d.hand(e)
	}
}

func (d *Decoder) widen(from Side, h Head, increment uint32) {
	if !d.blind(from) {
		e := d.next(EventWindow, from, h.Stream, d.sides[from].frame(h))
		e.Increment = increment
		d.hand(e)
	}
}
