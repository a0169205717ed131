package probe

import (
	"golang.org/x/net/http2"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// A strand is what was heard on one stream.
type strand struct {
	a       *streamed
	id      uint32
	status  int        // of the final head; 0: none has come
	fields  []h2.Field // of that head
	content []byte     // of DATA frames, at most maxRest
	ended   bool       // END_STREAM came
	reset   bool       // RST_STREAM came
	code    h2.Code    // of that
	closed  bool       // we have ended it
}

// decided reports whether it is known how the server answers.
func (s *strand) decided() bool {
	return s.status != 0 || s.reset || s.a.gone != nil && s.a.gone.Last < s.id
}

// finished reports whether the server sends no more on the stream.
func (s *strand) finished() bool { return s.ended || s.reset || s.a.gone != nil }

// event takes what the decoder has read.
func (a *streamed) event(e *h2.Event) {
	if e.From != h2.Server {
		return
	}
	s := a.strands[e.Stream]
	switch e.Kind {
	case h2.EventSetting:
		if e.Setting.ID == uint16(http2.SettingHeaderTableSize) {
			a.encoder.SetMaxDynamicTableSizeLimit(min(e.Setting.Value, 4096))
		}
	case h2.EventPing:
		var data [8]byte
		copy(data[:], e.Data)
		_ = a.framer.WritePing(true, data)
	case h2.EventGoAway:
		if a.gone == nil {
			a.gone = &h2.Event{Last: e.Last, Code: e.Code}
		}
	case h2.EventBlind:
		a.broken = true
		if at := int(e.Offset); a.follow.Outside == nil && e.Blind == h2.BlindFault && at < len(a.raw) {
			a.follow.Outside = append([]byte(nil), a.raw[at:min(len(a.raw), at+wire.MaxNext)]...)
		}
	case h2.EventHead:
		if s != nil {
			s.head(e)
		}
	case h2.EventData:
		e.Want = e.Length
	case h2.EventPayload:
		if s != nil {
			s.content = append(s.content, e.Data[:min(len(e.Data), maxRest-len(s.content))]...)
		}
	case h2.EventEnd:
		if s != nil {
			s.ended = true
		}
	case h2.EventReset:
		if s != nil {
			s.reset, s.code = true, e.Code
		}
	}
}

// head takes the head of a response, or trailers.
func (s *strand) head(e *h2.Event) {
	if s.status != 0 {
		return
	}
	status := wire.ReadResponse(wire.HTTP2Head(e.Fields)).Status
	if status/100 != 1 || status == 101 || e.EndStream {
		s.status, s.fields = status, append([]h2.Field(nil), e.Fields...)
	}
}
