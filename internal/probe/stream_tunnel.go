package probe

import (
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// tunnel tests the tunnel that the server has opened, or says it has, and ends it.
func (a *streamed) tunnel(s *strand) {
	switch protocol := a.protocol(s); {
	case len(a.h.Asks) > 0 && !s.closed:
		in := &insider{
			h: a.h, came: func() []byte { return s.content }, say: func(text string) { a.say(s, text) },
			hear: func(until time.Time, enough func() bool) {
				a.hear(time.Until(until), func() bool { return s.finished() || enough() })
			},
		}
		in.ask(time.Now().Add(a.settings.Tail))
		a.inside = in.answers
	case a.h.Frames != nil && !s.closed:
		a.testFrames(s)
		return
	case a.h.After != "" && !s.closed:
		a.say(s, a.h.After)
		a.hear(a.settings.Tail, func() bool { return len(s.content) > 0 || s.finished() })
	case len(a.s.Inside) > 0:
		a.parts(s)
		return
	case s.status == 101 || s.closed || protocol != "websocket":
		a.hear(quietTime, s.finished) // for bytes that belong to no frame, and for an end
	case a.prove:
		a.echo(s)
	}
	a.endTunnel(s)
}

// protocol is that of the tunnel.
func (a *streamed) protocol(s *strand) string {
	for _, f := range a.s.Fields {
		if f.Name == ":protocol" {
			return f.Value
		}
	}
	return "websocket"
}

// echo waits for the answers to a ping and to a message.
func (a *streamed) echo(s *strand) {
	sent := time.Now()
	if a.polite {
		a.say(s, rules.Ping)
		a.hear(a.settings.Tail, func() bool {
			f := readFrames(s.content)
			return f.pong || f.closed || s.finished()
		})
		return
	}
	a.say(s, rules.Ping+rules.Text)
	a.await(awaitPong, a.settings.Tail, func() bool {
		f := readFrames(s.content)
		return f.pong || f.closed || s.finished()
	})
	if f := readFrames(s.content); f.pong && !f.closed {
		a.hear(min(quietTime+2*time.Since(sent), a.settings.Tail), func() bool {
			f := readFrames(s.content)
			return f.echo || f.closed || s.finished()
		})
	}
}

// testFrames sends the WebSocket frames of the probe after a ping that the server has answered, and waits
// for its reaction.
func (a *streamed) testFrames(s *strand) {
	sent := time.Now()
	over := func() bool { return readFrames(s.content).closed || s.finished() }
	a.say(s, rules.Ping)
	a.await(awaitPong, a.settings.Tail, func() bool { return readFrames(s.content).pong || over() })
	if over() {
		return
	}
	took := time.Since(sent)
	a.say(s, a.h.After)
	if a.hear(reactionTime+2*took, over); !over() {
		a.say(s, rules.Later)
		a.hear(a.settings.Tail, func() bool { return slices.Contains(readFrames(s.content).pongs, rules.PingLater) || over() })
	}
	if !s.finished() {
		a.put(s, rules.StreamPart{Kind: h2.Reset, Code: h2.Code(8)}) // CANCEL
		a.flush()
	}
}

// parts sends the frames of the probe, and waits for what they cause.
func (a *streamed) parts(s *strand) {
	for _, part := range a.s.Inside {
		a.put(s, part)
	}
	a.flush()
	if last := a.s.Inside[len(a.s.Inside)-1]; last.Kind == h2.Reset { // no answer is due
		a.hear(quietTime, s.finished)
		return
	}
	a.await(awaitEnd, a.settings.Tail, s.finished)
	if !s.closed && !s.finished() {
		a.put(s, rules.StreamPart{Kind: h2.Reset, Code: h2.Code(8)}) // CANCEL
		a.flush()
	}
}

// endTunnel ends a tunnel as the pairing says: by a close frame and END_STREAM, unless it is another.
func (a *streamed) endTunnel(s *strand) {
	if s.closed || s.reset || a.lost() {
		return
	}
	part := rules.StreamPart{Kind: h2.Data, End: true}
	switch {
	case a.s.Other != nil && a.s.Pair == rules.PairReset:
		part = rules.StreamPart{Kind: h2.Reset, Code: h2.Code(8)}
	case a.s.Other != nil && a.s.Pair == rules.PairEnded, a.protocol(s) != "websocket", s.status == 101, a.h.After != "":
	case a.polite:
		part.Data = closeFrame // in the frame with END_STREAM, as Chromium sends it
	default:
		a.say(s, closeFrame)
		a.await(awaitEnd, a.settings.Tail, func() bool { return readFrames(s.content).closed || s.finished() })
	}
	if !s.reset {
		a.put(s, part)
	}
	a.flush()
	if part.Kind == h2.Data {
		a.await(awaitEnd, a.settings.Tail, s.finished)
	}
}

// alive reports what has become of the other tunnel: it is asked once more.
func (a *streamed) alive(s *strand) string {
	if s.status/100 != 2 || a.lost() || s.finished() {
		return a.why(s)
	}
	a.say(s, rules.Ping)
	a.await(awaitPong, a.patience, func() bool { return readFrames(s.content).pong || s.finished() })
	if readFrames(s.content).pong {
		a.say(s, closeFrame)
		a.put(s, rules.StreamPart{Kind: h2.Data, End: true})
		a.flush()
		return wire.OtherAlive
	}
	return a.why(s)
}

// askNext asks for a page on the same connection, to see what the probe has done to it.
func (a *streamed) askNext() {
	if a.lost() {
		a.follow.Lost, a.follow.Code = a.why(nil), a.code(nil)
		return
	}
	s := a.get(rules.MarkLater)
	a.follow.Asked = true
	a.await(awaitPage, a.patience, s.decided)
	if s.status == 0 {
		a.follow.Lost, a.follow.Code = a.why(s), a.code(s)
		return
	}
	a.follow.Status = s.status
	if a.s.Marked {
		a.follow.Read = reading(s.fields)
	}
	a.await(awaitEnd, a.settings.Tail, s.finished)
}

// reading is how the server read the mark, if it gives it back.
func reading(fields []h2.Field) string {
	for _, f := range fields {
		switch {
		case f.Name != rules.MarkField:
		case f.Value == rules.MarkLater:
			return wire.ReadRight
		case f.Value == rules.MarkFirst:
			return wire.ReadEarlier
		default:
			return wire.ReadOther
		}
	}
	return ""
}

// why is why there is no answer on a stream, or no stream; nil: on none.
func (a *streamed) why(s *strand) string {
	switch {
	case a.gone != nil:
		return wire.LostGoAway
	case a.broken:
		return wire.LostBlind
	case s != nil && s.reset, s != nil && s.ended:
		return wire.LostReset
	case a.over == wire.CauseServer, a.over == wire.CauseServerReset:
		return wire.LostEnd
	}
	return wire.LostSilent
}

// code is the code of the frame that tells why.
func (a *streamed) code(s *strand) h2.Code {
	switch {
	case a.gone != nil:
		return a.gone.Code
	case s != nil:
		return s.code
	}
	return 0
}
