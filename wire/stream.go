package wire

import (
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// A Stream is what is known of an exchange because it is a stream of HTTP/2 (RFC 9113 §5).
type Stream struct {
	ID      uint32     `json:"id,omitempty"`
	Offered string     `json:"offered,omitempty"` // one of the offers of extended CONNECT, when the response came
	Client  StreamSide `json:"client,omitzero"`
	Server  StreamSide `json:"server,omitzero"`
	Killed  *Killed    `json:"killed,omitempty"` // the server ended the connection soon after what was seen last of the stream

	Connection *Connection `json:"connection,omitempty"` // when the exchange was reported; nil where nothing is known of it
}

// What a server has said of extended CONNECT by SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3). Empty
// where that is not known.
const (
	OfferNone   = "none"   // its SETTINGS do not have it, or have not come
	OfferYes    = "yes"    // 1
	OfferNo     = "no"     // 0
	OfferBroken = "broken" // any other value
)

// A StreamSide is what one side of a stream sent beside its head and its data.
type StreamSide struct {
	End    string   `json:"end,omitempty"`    // one of the ends; empty while it is open
	Code   h2.Code  `json:"code,omitempty"`   // of a reset
	AtHead bool     `json:"atHead,omitempty"` // END_STREAM came with the head of the request or of the final response
	Heads  int      `json:"heads,omitempty"`  // field blocks after that head: trailers, or what has no place in a tunnel (RFC 9113 §8.5)
	Ended  bool     `json:"ended,omitempty"`  // of a reset: END_STREAM had come before
	Secret []string `json:"secret,omitempty"` // see secretNames
	Late   int64    `json:"late,omitempty"`   // of the client: bytes of DATA that came after an extended CONNECT was rejected
	Hangs  bool     `json:"hangs,omitempty"`  // of the server in a tunnel: for HangsAfter from the client's END_STREAM on it sent nothing
}

// The ends of one side of a stream.
const (
	StreamEnded = "end"    // END_STREAM
	StreamReset = "reset"  // RST_STREAM
	StreamAway  = "goaway" // of the server: GOAWAY, and the request was not processed
)

// side is one side.
func (s *Stream) side(d Direction) *StreamSide {
	if d == FromClient {
		return &s.Client
	}
	return &s.Server
}

// A stream is a stream of HTTP/2 that is followed. Its conversation has the bytes of its DATA frames.
type stream struct {
	Conversation
	own      Common
	x        *Exchange // until the final response head has come; of an extended CONNECT that was rejected, until that is reported; nil after that
	since    time.Time // when the head of the request was complete, or that of the rejection
	early    []byte
	head     int       // bytes of its heads
	reported bool      // that it is silent
	hangs    time.Time // when it does, in a tunnel whose client has ended it; the zero time once that is known
	over     bool      // nothing more is reported
}

// newStream begins a stream with the head of its request.
func newStream(common *Common, on *connection, what Stream, head []byte, whole bool, now time.Time) *stream {
	s := &stream{own: *common, since: now, head: len(head)}
	rare := common.rare()
	s.own.Alter = nil
	rare.Stream, rare.connection = &what, on
	s.own.Rare = &rare
	s.Open(&s.own)
	s.x = s.begin(ReadRequest(head), now, now)
	if !whole {
		s.x.Request.flaw(FlawHeadTooLong, len(head))
	}
	return s
}

// what is what is known of the stream.
func (s *stream) what() *Stream { return s.own.Rare.Stream }

// change changes what is known of the stream. Exchanges that were reported keep what they have.
func (s *stream) change(f func(*Stream)) {
	changed := *s.what()
	f(&changed)
	s.own.Rare.Stream = &changed
	if s.x != nil {
		s.x.Stream = &changed
	}
}

// respond takes the head of a response. It is the last one, if it is not interim.
func (s *stream) respond(head []byte, whole, ends bool, now time.Time) {
	p := ReadResponse(head)
	if !whole {
		p.flaw(FlawHeadTooLong, len(head))
	}
	x := s.x
	switch {
	case x == nil || s.over:
		return
	case p.Status/100 == 1 && p.Status != 101 && !ends:
		if len(x.Interim) < maxInterim {
			x.Interim = append(x.Interim, p)
		}
		return
	}
	x.Response, x.Took = p, now.Sub(x.Time)
	x.Early = s.early
	if ends {
		s.end(FromServer, true, now)
	}
	if x.Outcome = x.Answer(); x.Outcome != Switched {
		s.rejected(ends, now)
		return
	}
	s.accepted()
	t := s.newTunnel(x)
	t.dueAt(now.Add(AftermathFor))
	t.started = [2]bool{true, true}
	s.tunnel = t
	t.keep(FromClient, s.early)
	t.read(FromClient, s.early, now)
	t.closed[FromClient] = s.what().Client.End != ""
	t.closed[FromServer] = s.what().Server.End != ""
	x.Complete = false
	s.emit(x)
	x.Complete, s.x, s.early = true, nil, nil
}

// extended reports whether the request is an extended CONNECT (RFC 8441 §4).
func (x *Exchange) extended() bool {
	return x.Request.HTTP2() && x.Request.Method == "CONNECT" && x.Request.Has(":protocol")
}

// wants returns how many of the next bytes of DATA frames, of so many, are payload of a tunnel that is not looked at, and
// how many after these are looked at.
func (s *stream) wants(d Direction, n uint32) (skip, want uint32) {
	if s.tunnel != nil && !s.over {
		skip = uint32(min(s.tunnel.unread(d), int64(n)))
	}
	return skip, n - skip
}

// skip takes payload of DATA frames that was not looked at.
func (s *stream) skip(d Direction, n int64, now time.Time) {
	if s.over || s.tunnel == nil {
		return
	}
	s.fed[d] += n
	s.Wrote(d, int(n))
	if !s.hangs.IsZero() && d == FromServer {
		s.hangs = now.Add(HangsAfter)
	}
	s.tunnel.skip(d, n, now)
}

// data takes payload of DATA frames.
func (s *stream) data(d Direction, p []byte, now time.Time) {
	switch {
	case len(p) == 0 || s.over:
	case s.tunnel != nil:
		base := s.fed[d]
		s.fed[d] += int64(len(p))
		s.Wrote(d, len(p))
		if !s.hangs.IsZero() && d == FromServer {
			s.hangs = now.Add(HangsAfter)
		}
		s.record(d, p, base, now)
	case s.answered():
		if d == FromClient {
			s.change(func(k *Stream) { k.Client.Late += int64(len(p)) })
		}
	case d == FromClient:
		s.x.EarlyBytes += int64(len(p))
		s.early = append(s.early, p[:min(len(p), MaxRecorded-len(s.early))]...)
		s.fed[d] += int64(len(p))
		s.Wrote(d, len(p))
	}
}

// end takes END_STREAM of one side.
func (s *stream) end(d Direction, atHead bool, now time.Time) {
	if s.over || s.what().side(d).End != "" {
		return
	}
	s.change(func(k *Stream) { k.side(d).End, k.side(d).AtHead = StreamEnded, atHead })
	if s.tunnel != nil {
		s.Ended(d, now)
		if d == FromClient {
			s.hangs = now.Add(HangsAfter)
		}
	}
	if s.answered() && !atHead {
		if s.since = now; s.what().Client.End != "" && s.what().Server.End != "" {
			s.watch(now)
			s.report()
		}
		return
	}
	if s.what().Client.End != "" && s.what().Server.End != "" && s.tunnel != nil {
		cause := CauseServer
		if d == FromServer { // the client did before
			cause = CauseClient
		}
		s.conclude(cause, now)
	}
}

// reset takes RST_STREAM, which ends both directions.
func (s *stream) reset(d Direction, code h2.Code, now time.Time) {
	if s.over {
		return
	}
	s.change(func(k *Stream) {
		side := k.side(d)
		side.Ended, side.End, side.Code = side.End == StreamEnded, StreamReset, code
	})
	cause := CauseClientReset
	if d == FromServer {
		cause = CauseServerReset
	}
	if s.answered() {
		s.watch(now)
		s.report()
		return
	}
	if s.x != nil {
		s.unanswered(Reset, cause, now)
		return
	}
	s.conclude(cause, now)
}

// goneAway takes that the server has not processed the request (RFC 9113 §6.8).
func (s *stream) goneAway(now time.Time) {
	if s.over || !s.awaitsHead() {
		return
	}
	s.change(func(k *Stream) { k.Server.End = StreamAway })
	s.unanswered(GoneAway, CauseServer, now)
}

// unanswered reports a request that gets no final response any more.
func (s *stream) unanswered(outcome Outcome, cause Cause, now time.Time) {
	s.x.Outcome, s.x.Cause, s.x.Early = outcome, cause, s.early
	if outcome == Reset {
		s.watch(now)
	}
	s.x.Final = !s.pending
	s.emit(s.x)
	s.watched(s.x)
	s.x, s.over = nil, true
}

// conclude reports for the last time.
func (s *stream) conclude(cause Cause, now time.Time) {
	switch {
	case s.over:
		return
	case s.answered():
		s.report()
	case s.tunnel != nil:
		if s.what().Client.End != "" && s.what().Server.End != "" || s.what().Client.End == StreamReset || s.what().Server.End == StreamReset {
			s.watch(now)
		}
		s.endTunnel(cause, now)
		s.watched(s.tunnel.x)
	case cause.Local():
		s.unanswered(Local, cause, now)
		return
	case s.reported:
		s.unanswered(Silent, cause, now)
		return
	default:
		s.unanswered(Closed, cause, now)
		return
	}
	s.over, s.settled = true, true
}

// next is when something is to be reported; the zero time if never.
func (s *stream) next() time.Time {
	switch {
	case s.over, s.awaitsHead() && s.reported:
		return time.Time{}
	case s.answered() && s.what().Server.End != "":
		return s.since.Add(KilledWithin)
	case s.answered():
		return s.since.Add(UnfinishedFor)
	case s.x != nil:
		return s.since.Add(SilentAfter)
	}
	return earlier(s.tunnel.next(), s.hangs)
}

// tick reports what is due.
func (s *stream) tick(now time.Time) {
	switch due := s.next(); {
	case due.IsZero() || now.Before(due):
	case s.answered():
		s.report()
	case s.x != nil:
		s.x.Outcome, s.reported = Silent, true
		s.emit(s.x)
	case !s.hangs.IsZero() && !now.Before(s.hangs):
		s.hangs = time.Time{}
		s.change(func(k *Stream) { k.Server.Hangs = true })
		s.reportTunnel(now)
	default:
		s.reportTunnel(now)
	}
}
