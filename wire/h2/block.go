package h2

import "golang.org/x/net/http2/hpack"

// defaultTable is the size of a dynamic table before the first SETTINGS frame.
const defaultTable = 4096

// A block is the field block at hand of one side, and what its fields refer to.
type block struct {
	table    *hpack.Decoder // nil: no block came
	allowed  uint32         // the largest table that the other side ever allowed; the default counts too
	kind     EventKind      // EventHead or EventPush
	ends     bool           // END_STREAM
	stream   uint32
	promised uint32
	offset   int64  // of its first frame
	bytes    []byte // of it, if it comes in pieces
}

// extend takes the head of a frame of the block.
func (k *block) extend(h Head, offset int64, promised uint32) {
	switch h.Kind() {
	case Headers:
		k.kind, k.promised = EventHead, 0
	case Push:
		k.kind, k.promised = EventPush, promised
	default:
		return
	}
	k.stream, k.offset, k.ends = h.Stream, offset, h.Kind() == Headers && h.has(FlagEndStream)
}

// allow records how large a table the other side allows. A sender may not know of a smaller size yet:
// the largest one stays.
func (k *block) allow(size uint32) {
	if k.allowed = max(k.allowed, size); k.table != nil {
		k.table.SetAllowedMaxDynamicTableSize(k.limit())
	}
}

// limit returns how large a table may become.
func (k *block) limit() uint32 { return min(max(k.allowed, defaultTable), MaxTable) }

// Held returns about how many bytes the decoder keeps: the blocks at hand, and what the tables may have.
func (d *Decoder) Held() (n int) {
	for i := range d.halves {
		k := &d.halves[i].block
		if n += len(k.bytes); k.table != nil {
			n += int(k.limit())
		}
	}
	return n
}

// decode decodes a complete block and hands it over. Every block changes the table, also of streams
// that are of no interest (RFC 9113 §4.3).
func (d *Decoder) decode(from Side, b []byte) {
	k := &d.halves[from].block
	k.bytes = nil
	if k.table == nil {
		k.table = hpack.NewDecoder(defaultTable, func(f hpack.HeaderField) { d.keep(from, f) })
		k.table.SetAllowedMaxDynamicTableSize(k.limit())
	}
	if size := largestUpdate(b); size > MaxTable && size <= uint64(k.allowed) {
		d.lose(from, BlindTable, k.offset, "")
		return
	}
	d.size = 0
	_, err := k.table.Write(b)
	if err == nil {
		err = k.table.Close()
	}
	if err != nil {
		d.forget()
		d.lose(from, BlindCompression, k.offset, err.Error())
		return
	}
	e := d.next(k.kind, from, k.stream, k.offset)
	e.Fields, e.Block, e.Promised, e.EndStream, e.Truncated = d.fields, b, k.promised, k.ends, !k.table.EmitEnabled()
	k.table.SetEmitEnabled(true)
	d.hand(e)
	d.forget()
	if k.ends {
		d.hand(d.next(EventEnd, from, k.stream, k.offset))
	}
}

// keep keeps a field for the event, unless there are too many.
func (d *Decoder) keep(from Side, f hpack.HeaderField) {
	if d.size += int(f.Size()); d.size > MaxFields {
		d.halves[from].block.table.SetEmitEnabled(false)
		return
	}
	d.fields = append(d.fields, Field(f))
}

// forget drops the fields. Memory for those of most blocks is kept.
func (d *Decoder) forget() {
	const usual = 32
	clear(d.fields)
	if d.fields = d.fields[:0]; cap(d.fields) > usual {
		d.fields = nil
	}
}

// largestUpdate returns the largest of the table sizes that a block begins with (RFC 7541 §6.3).
func largestUpdate(b []byte) (largest uint64) {
	for len(b) > 0 && b[0]&0xe0 == 0x20 {
		size := uint64(b[0] & 0x1f)
		more := size == 0x1f
		b = b[1:]
		for shift := 0; more && len(b) > 0 && shift < 63; shift += 7 {
			size += uint64(b[0]&0x7f) << shift
			more = b[0]&0x80 != 0
			b = b[1:]
		}
		largest = max(largest, size)
	}
	return largest
}
