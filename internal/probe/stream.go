package probe

import (
	"bytes"
	"context"
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// A streamed attempt is one request in HTTP/2 on a connection of its own, with what belongs to it:
// see [rules.Streamed]. It belongs to one goroutine.
//
// It writes frames that a correct client does not, so it does not use a client's library. What the
// server sends is read by the same decoder as live traffic, which never answers and whose memory has
// bounds.
type streamed struct {
	*caller
	conn   net.Conn
	h      *rules.Handshake
	s      *rules.Streamed
	prove  bool
	common wire.Common
	talk   wire.Conversation
	x      *wire.Exchange // as the conversation last reported it

	out     bytes.Buffer // frames that are not written yet
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	decoder *h2.Decoder

	began    time.Time
	patience time.Duration
	id       uint32             // the stream of the probe
	next     uint32             // the next stream
	strands  map[uint32]*strand // the streams that were opened
	greeted  int                // how many SETTINGS frames of the server have come
	gone     *h2.Event          // its first GOAWAY
	broken   bool               // its bytes cannot be read any more
	asked    time.Time          // when the request of the probe was sent
	answered time.Time          // when it had its answer; the zero time if it had none
	raw      []byte             // how the server's bytes begin
	received int
	over     wire.Cause // why no more bytes will come; "" while some may
	buffer   [16 << 10]byte
	follow   wire.Follow
	inside   []wire.Inner
}

// stream is attempt for a handshake that is sent in HTTP/2.
func (c *caller) stream(ctx context.Context, id string, h *rules.Handshake, patience time.Duration, prove bool) answer {
	conn, release, err := c.open(ctx, true)
	if err != nil {
		return answer{err: err}
	}
	defer release()
	a := newStreamed(c, conn, h, patience, prove)
	a.common = c.commonOf(id, conn)
	a.common.Emit, a.common.HTTP2 = a.keep, true
	a.talk.Open(&a.common)
	a.run()
	var lured []byte
	if c.lure != nil && h.Lures() {
		lured = c.lure.wait(ctx, h.Lure)
	}
	if err := ctx.Err(); err != nil {
		return answer{err: err}
	}
	x := a.exchange()
	x.Lured = lured
	return answer{x: x, bare: a.received == 0 && (a.over == wire.CauseServer || a.over == wire.CauseServerReset), raw: a.raw, spoke: a.greeted > 0}
}

func newStreamed(c *caller, conn net.Conn, h *rules.Handshake, patience time.Duration, prove bool) *streamed {
	a := &streamed{caller: c, conn: conn, h: h, s: h.Stream, patience: patience, prove: prove, next: 1, strands: map[uint32]*strand{}}
	a.framer = http2.NewFramer(&a.out, nil)
	a.framer.AllowIllegalWrites = true
	a.encoder = hpack.NewEncoder(&a.block)
	a.decoder = h2.NewDecoder(h2.Terms{}, 0, a.event)
	return a
}

// keep records the conversation's report of the probe's stream.
func (a *streamed) keep(x *wire.Exchange) {
	if x.Stream != nil && x.Stream.ID == a.id {
		a.x = x
	}
}

// run sends the request, waits for the answer, tests the tunnel if there is one, and asks for a page
// on the same connection if the handshake has a request for it.
func (a *streamed) run() {
	a.began = time.Now()
	a.greet()
	if a.s.Marked && !a.lost() {
		a.follow.Ahead = a.ahead()
	}
	a.id = a.next
	if a.s.Other != nil {
		a.id += 2
	}
	if !a.lost() {
		a.attempt()
	}
	if a.s.Next != nil {
		a.askNext()
	}
	a.settle()
	a.leave()
}

// greet begins the connection. Unless the request is in a hurry, it waits for the server's SETTINGS.
func (a *streamed) greet() {
	a.out.WriteString(h2.Preface)
	first := []http2.Setting{{ID: http2.SettingEnablePush, Val: 0}}
	for i, frame := range append(a.s.Settings, nil) {
		if i == len(a.s.Settings) && i > 0 {
			break
		}
		for _, s := range frame {
			first = append(first, http2.Setting{ID: http2.SettingID(s.ID), Val: s.Value})
		}
		_ = a.framer.WriteSettings(first...) // writing to memory does not fail
		first = nil
	}
	if !a.s.Hurry {
		a.flush()
		a.hear(a.patience, func() bool { return a.greeted > 0 })
	}
}

// ahead asks for a page before the probe, and returns the status.
func (a *streamed) ahead() int {
	s := a.get(rules.MarkFirst)
	a.await(awaitPage, a.patience, s.decided)
	if s.decided() {
		a.await(awaitEnd, a.settings.Tail, s.finished)
	}
	return s.status
}

// attempt sends the request of the probe and waits for the answer, and for what follows it.
func (a *streamed) attempt() {
	var other *strand
	if a.s.Other != nil {
		other = a.open(a.s.Other, false, 0)
		a.hear(a.patience, other.decided)
	}
	s := a.open(a.s.Fields, a.s.End, a.s.Cut)
	for _, part := range a.s.Early {
		a.put(s, part)
	}
	a.flush()
	a.asked = time.Now()
	if a.hear(a.patience, s.decided); s.decided() {
		a.answered = time.Now()
	}
	switch {
	case s.status == 101, s.status/100 == 2 && a.method() == "CONNECT":
		a.tunnel(s)
	case s.status != 0:
		a.await(awaitEnd, a.settings.Tail, s.finished)
	}
	if other != nil {
		a.follow.Other = a.alive(other)
	}
}

// method is that of the probe's request.
func (a *streamed) method() string {
	for _, f := range a.s.Fields {
		if f.Name == ":method" {
			return f.Value
		}
	}
	return ""
}

// flush sends the frames that are written. An error is not fatal: the server may have answered and
// closed, and its answer is still read.
func (a *streamed) flush() {
	p := bytes.Clone(a.out.Bytes())
	a.out.Reset()
	if len(p) == 0 {
		return
	}
	a.decoder.Feed(h2.Client, p, time.Since(a.began))
	a.talk.Feed(wire.FromClient, p, time.Now())
	a.conn.SetWriteDeadline(time.Now().Add(a.patience + a.settings.Tail))
	n, _ := io.Copy(a.conn, bytes.NewReader(p))
	a.talk.Wrote(wire.FromClient, int(n))
}

// hear reads for so long, until the connection is lost, or until enough is read.
func (a *streamed) hear(long time.Duration, enough func() bool) {
	a.flush()
	if a.over == wire.CauseTimeout {
		a.over = ""
	}
	if a.over != "" {
		return
	}
	a.over = listen(a.conn, a.buffer[:], time.Now().Add(long), a.heard, func() bool { return a.broken || a.received >= maxReceived || enough() })
	if a.over == "" && a.received >= maxReceived {
		a.over = wire.CauseClient
	}
}

// heard takes bytes from the server.
func (a *streamed) heard(p []byte) {
	now := time.Now()
	a.received += len(p)
	if room := maxRest - len(a.raw); room > 0 {
		a.raw = append(a.raw, p[:min(room, len(p))]...)
	}
	a.talk.Feed(wire.FromServer, p, now)
	a.talk.Wrote(wire.FromServer, len(p))
	a.decoder.Feed(h2.Server, p, now.Sub(a.began))
	sent := &a.decoder.Facts().Sides[h2.Server]
	for n := int(sent.Frames[h2.Settings] - sent.Acks.Settings); a.greeted < n; a.greeted++ {
		_ = a.framer.WriteSettingsAck()
	}
	a.flush()
}

// lost reports whether no more requests can be sent on the connection.
func (a *streamed) lost() bool {
	return a.broken || a.gone != nil || a.over != "" && a.over != wire.CauseTimeout || a.greeted == 0 && !a.s.Hurry
}
