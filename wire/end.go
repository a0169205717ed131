package wire

import "time"

// An End is how a tunnel ended, as far as the bytes show that are kept of it.
type End struct {
	Open   time.Duration // from the 101 until the first side ended the tunnel, or we did
	Idle   time.Duration // how long no byte had come by then
	Lost   bool          // the connection broke because a peer no longer answered
	First  string        // whose last bytes came first, "client" or "server"; empty if that is not known
	Client Word
	Server Word
}

// A Word is what one side of a tunnel sent last.
type Word struct {
	Kind   string // one of the kinds of words; empty if it is not known
	Code   int    // of a Close frame, NoCode if it has none; of GOAWAY its error code
	Reason string // of a Close frame, as it was sent
}

// The kinds of words. Those from WordClose on are frames of WebSocket (RFC 6455 §5.2).
const (
	WordNothing = "nothing" // no byte came from that side
	WordBytes   = "bytes"   // it is not known what the bytes mean
	WordAlert   = "alert"   // a TLS alert (RFC 8446 §6)
	WordGoAway  = "goaway"  // GOAWAY of HTTP/2 (RFC 9113 §6.8)
	WordClose   = "close"
	WordPing    = "ping"
	WordPong    = "pong"
	WordText    = "text"
	WordBinary  = "binary"
	WordPart    = "continuation"
	WordCut     = "cut" // a frame that is not complete
)

// NoCode is the code of a Close frame that has none (RFC 6455 §7.4.1).
const NoCode = 1005

// MaxLast is how many of the last bytes of a side are kept: as many as a control frame may have.
const MaxLast = 136

// A LastRead is what is kept of the last bytes that were read of one side of a tunnel, where they
// were not fed to the [Conversation].
type LastRead struct {
	At    time.Time     // when they came; zero: all bytes of that side were fed
	kept  [MaxLast]byte // all of them, or the first MaxNext and then the last ones
	count uint8         // of the kept ones
	cut   bool          // they are not all of them
}

// Keep records the bytes of a read.
func (l *LastRead) Keep(p []byte, now time.Time) {
	l.At, l.cut = now, len(p) > MaxLast
	if l.cut {
		copy(l.kept[:MaxNext], p)
		copy(l.kept[MaxNext:], p[len(p)-(MaxLast-MaxNext):])
		l.count = MaxLast
		return
	}
	l.count = uint8(copy(l.kept[:], p))
}

// Pass records bytes that were passed on without being read.
func (l *LastRead) Pass(now time.Time) { l.At, l.count = now, 0 }

// start is how the read began.
func (l *LastRead) start() []byte { return l.kept[:min(int(l.count), MaxNext)] }

// Ending records that a tunnel begins to end: the first call counts.
func (c *Conversation) Ending(now time.Time) {
	if t := c.tunnel; t != nil && t.ended == 0 {
		t.ended = t.since(now)
	}
}

// Closing tells, before Settle, what was read last of both sides, as far as that was not fed (nil:
// it was), and whether a peer was lost.
func (c *Conversation) Closing(last [2]*LastRead, lost bool) {
	t := c.tunnel
	if t == nil {
		return
	}
	c.unpack()
	a := &t.x.After
	a.End = &End{Lost: lost}
	for d, l := range last {
		if l == nil || l.At.IsZero() {
			continue
		}
		t.heard[d] = t.since(l.At)
		if l.count == 0 {
			continue
		}
		*a.End.side(Direction(d)) = lastWord(l.kept[:l.count], Direction(d), t.x.Protocol() == "websocket", false, l.cut)
		if Direction(d) == FromServer && !t.recording(FromServer) {
			a.Last = append([]byte(nil), l.start()...)
		}
	}
}

// side is the word of one side.
func (e *End) side(d Direction) *Word {
	if d == FromClient {
		return &e.Client
	}
	return &e.Server
}

// since is a time in milliseconds after the start of the exchange, at least one.
func (t *tunnel) since(at time.Time) uint32 {
	return uint32(min(max(at.Sub(t.time).Milliseconds(), 1), 1<<32-1))
}

// conclude fills in how the tunnel has ended. What was not told by Closing is among the recorded
// bytes.
func (t *tunnel) conclude(now time.Time) {
	x := t.x
	if x.Blocked {
		return
	}
	if x.After.End == nil {
		x.After.End = new(End)
	}
	e, ended := x.After.End, t.ended
	if ended == 0 {
		ended = t.since(now)
	}
	at := func(ms uint32) time.Duration { return time.Duration(ms) * time.Millisecond }
	e.Open = max(at(ended)-x.Took, 0)
	e.Idle = max(min(at(ended)-at(max(t.heard[FromClient], t.heard[FromServer])), e.Open), 0)
	switch from, to := t.heard[FromClient], t.heard[FromServer]; {
	case from == to || from == 0 || to == 0:
	case from < to:
		e.First = "client"
	default:
		e.First = "server"
	}
	for d, sent := range [2][]byte{x.After.Client, x.After.Server} {
		if word := e.side(Direction(d)); word.Kind == "" && t.recording(Direction(d)) && t.started[d] {
			*word = lastWord(sent, Direction(d), x.Protocol() == "websocket", true, false)
		}
	}
	closeWords(x)
}
