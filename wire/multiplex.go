package wire

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// The bounds of what is followed of one connection at the same time.
const (
	maxStreams = 1 << 10
	maxHeads   = 1 << 20 // bytes of their heads
	leastHead  = 1 << 10 // bytes of a response's head that are kept all the same
)

// A multiplex reads a connection of HTTP/2 and follows the streams that are about an upgrade. The others
// are only counted.
type multiplex struct {
	common  *Common
	on      *connection
	decoder *h2.Decoder
	began   time.Time
	now     time.Time // of what is being fed
	streams map[uint32]*stream
	heads   int    // bytes of their heads
	offered string // one of the offers of extended CONNECT
	due     time.Time
	blind   string // why not all of the connection is read
}

func newMultiplex(common *Common, now time.Time) *multiplex {
	m := &multiplex{common: common, on: new(connection), began: now, streams: map[uint32]*stream{}, offered: OfferNone}
	common.Counts.HTTP2Read.Add(1)
	m.on.known.ALPN, m.on.known.SNI = common.rare().ALPN, common.rare().SNI
	m.decoder = h2.NewDecoder(h2.Terms{}, 0, m.event)
	return m
}

// newUpgraded returns a multiplex for what follows the 101 to h2c of an exchange, which is stream 1 (RFC 7540
// §3.2). The client has ended that.
func newUpgraded(common *Common, x *Exchange) *multiplex {
	m := newMultiplex(common, x.Time)
	m.decoder = h2.NewDecoder(x.http2Terms(), x.Took, m.event)
	m.on.begin(1)
	m.on.end(1, FromClient, false)
	return m
}

// feed takes bytes of one side.
func (m *multiplex) feed(d Direction, p []byte, now time.Time) {
	m.now = now
	m.decoder.Feed(h2.Side(d), p, now.Sub(m.began))
}

// skip records bytes of one side that were not fed.
func (m *multiplex) skip(d Direction, n int64, now time.Time) {
	m.now = now
	m.decoder.Skip(h2.Side(d), n, now.Sub(m.began))
}

// event takes what the decoder has read.
func (m *multiplex) event(e *h2.Event) {
	d := Direction(e.From)
	switch e.Kind {
	case h2.EventHead:
		if d == FromClient {
			m.on.begin(e.Stream)
		}
		if d == FromServer && pointToHTTP3(e.Fields) {
			m.hint(e.Stream)
		}
		m.head(d, e)
	case h2.EventData:
		switch s := m.streams[e.Stream]; {
		case s == nil, s.answered() && d == FromServer: // the content of a rejection is not looked at
		default:
			e.Skip, e.Want = s.wants(d, e.Length)
		}
	case h2.EventPayload:
		if s := m.streams[e.Stream]; s != nil {
			s.data(d, e.Data, m.now)
			e.Skip, e.Want = s.wants(d, e.Want)
			m.hasten(s)
		}
	case h2.EventSkipped:
		if s := m.streams[e.Stream]; s != nil {
			s.skip(d, int64(e.Length), m.now)
		}
	case h2.EventEnd:
		m.on.end(e.Stream, d, false)
		if s := m.streams[e.Stream]; s != nil {
			s.end(d, false, m.now)
			m.leave(s, e.Stream)
		}
	case h2.EventReset:
		m.on.end(e.Stream, d, true)
		if s := m.streams[e.Stream]; s != nil {
			if s.awaitsHead() {
				m.tellOffer(s)
			}
			s.reset(d, e.Code, m.now)
			m.leave(s, e.Stream)
		}
	case h2.EventGoAway:
		m.on.change(d).GoAway = &GoAwayFrame{e.Last, e.Code}
		if d == FromServer {
			m.on.goAway(e.Last)
			if e.Code != 0 {
				m.on.kill(KilledGoAway, e.Code, m.now)
			}
			m.goAway(e.Last)
		}
	case h2.EventSetting:
		m.on.set(d, e.Setting)
		if d == FromServer && e.Setting.ID == settingConnectProtocol {
			m.offered = offerOf(e.Setting.Value)
		}
	case h2.EventAltSvc:
		m.hintFrame(e)
	case h2.EventBlind:
		m.on.blind(d, e.Offset, e.Blind)
		m.blind = cmp.Or(m.blind, fmt.Sprintf("HTTP/2 of the %s from byte %d on (%s)", e.From, e.Offset, e.Blind))
	}
}

// settingConnectProtocol is SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3).
const settingConnectProtocol = 8

func offerOf(value uint32) string {
	switch value {
	case 0:
		return OfferNo
	case 1:
		return OfferYes
	}
	return OfferBroken
}

// head takes a field block.
func (m *multiplex) head(d Direction, e *h2.Event) {
	s := m.streams[e.Stream]
	switch {
	case s == nil && d == FromClient:
		s = m.begin(e)
	case s == nil:
		s = m.unexpected(e)
	case d == FromClient, !s.awaitsHead():
		s.change(func(k *Stream) { k.side(d).Heads++ })
		if d == FromClient {
			s.suspects(m.now)
		}
	default:
		m.tellOffer(s)
		m.respond(s, e)
	}
	if s != nil {
		if e.EndStream {
			s.end(d, s.what().side(d).Heads == 0, m.now)
		}
		m.hasten(s)
		m.leave(s, e.Stream)
	}
}

// hasten takes that something may be due earlier now.
func (m *multiplex) hasten(s *stream) {
	if !s.over {
		m.due = earlier(m.due, s.next())
	}
}

// tellOffer tells a stream what the server offers when it answers: its SETTINGS come before any response
// (RFC 9113 §3.4), and a client need not have seen them yet when it sent its request.
func (m *multiplex) tellOffer(s *stream) {
	if s.x != nil && s.what().Offered != m.offered {
		s.change(func(k *Stream) { k.Offered = m.offered })
	}
}

// leave forgets a stream about which nothing more is reported.
func (m *multiplex) leave(s *stream, id uint32) {
	if s.over {
		m.heads -= s.head
		delete(m.streams, id)
	}
}

// begin follows a stream, if it is about an upgrade.
func (m *multiplex) begin(e *h2.Event) *stream {
	m.common.Counts.Exchanges.Add(1)
	if !m.common.Every && !slices.ContainsFunc(e.Fields, aboutUpgrade) {
		m.on.remember(e.Stream, e.Fields)
		return nil
	}
	raw, whole := renderHead(e.Fields, MaxHead)
	s := m.follow(e.Stream, raw, whole && !e.Truncated)
	s.hint(FromClient, e.Fields)
	return s
}

// follow begins to follow a stream. It returns nil where as much is followed as is kept.
func (m *multiplex) follow(id uint32, raw []byte, whole bool) *stream {
	full := func() bool { return len(m.streams) >= maxStreams || m.heads+len(raw) > maxHeads }
	if full() {
		m.relieve()
	}
	if full() {
		m.blind = cmp.Or(m.blind, "HTTP/2 streams beyond those that are kept")
		m.on.change(FromClient)
		m.on.known.Unfollowed++
		return nil
	}
	m.heads += len(raw)
	s := newStream(m.common, m.on, Stream{ID: id, Offered: m.offered}, raw, whole, m.now)
	m.streams[id] = s
	s.suspects(m.now)
	return s
}

// aboutUpgrade reports whether a field of a request has to do with an upgrade.
func aboutUpgrade(f h2.Field) bool {
	switch f.Name {
	case ":protocol", "upgrade", "http2-settings", "connection", "sec-websocket-key", "sec-websocket-version":
		return true
	case ":method":
		return f.Value == "CONNECT"
	}
	return false
}

// unexpected follows a stream whose request had nothing to do with an upgrade, if its response has. Of the
// request only the pseudo-headers are known, or nothing.
func (m *multiplex) unexpected(e *h2.Event) *stream {
	if !slices.ContainsFunc(e.Fields, func(f h2.Field) bool {
		return f.Name == ":status" && (f.Value == "101" || f.Value == "426") || f.Name == "upgrade"
	}) {
		return nil
	}
	s := m.follow(e.Stream, m.on.request(e.Stream), true)
	if s == nil {
		return nil
	}
	s.x.Lossy = []string{LostRequest}
	m.respond(s, e)
	return s
}

// respond takes the head of a response. Little of it is kept where much is kept of others.
func (m *multiplex) respond(s *stream, e *h2.Event) {
	raw, whole := renderHead(e.Fields, min(max(maxHeads-m.heads, leastHead), MaxHead))
	m.heads += len(raw)
	s.head += len(raw)
	s.hint(FromServer, e.Fields)
	s.respond(raw, whole && !e.Truncated, e.EndStream, m.now)
}

// goAway reports the requests that were not processed.
func (m *multiplex) goAway(last uint32) {
	for _, id := range m.ids() {
		if s := m.streams[id]; id > last && s.awaitsHead() {
			s.goneAway(m.now)
			m.leave(s, id)
		}
	}
}

// ids are the streams that are followed, in their order.
func (m *multiplex) ids() []uint32 {
	ids := make([]uint32, 0, len(m.streams))
	for id := range m.streams {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// settle reports all streams for the last time.
func (m *multiplex) settle(cause Cause, now time.Time) {
	switch cause {
	case CauseServer:
		m.on.kill(KilledEnd, 0, now)
	case CauseServerReset:
		m.on.kill(KilledReset, 0, now)
	default:
		m.on.clear()
	}
	m.on.over = true
	for _, id := range m.ids() {
		m.streams[id].conclude(cause, now)
	}
	m.streams = nil
	m.due = time.Time{}
	if m.blind != "" {
		m.common.Counts.Opaque.Add(1)
		m.common.Counts.HTTP2.Add(1)
	}
}
