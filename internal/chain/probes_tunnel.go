package chain

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

func tunnels() []Probe {
	p := func(id, label, want string, run func(*attempt)) Probe {
		return Probe{ID: id, Label: label, Want: want, Shared: true, Needs: NeedsTunnel, run: run}
	}
	return []Probe{
		p("CHAIN-TUNNEL-HTTP", "A frame in a tunnel that holds an HTTP request", "The same bytes on the same connection", requestInTunnel),
		p("CHAIN-BULK", "1 MiB each way at once in frames of 16,000 bytes", "All of it, unchanged", bulk),
		p("CHAIN-HALF-CLIENT", "The client ends its direction, then the backend sends", "The frame at the client", halfClient),
		p("CHAIN-HALF-SINK", "The backend ends its direction, then the client sends", "The frame at the backend", halfSink),
		p("CHAIN-CLOSE-CLIENT", "The client closes a tunnel", "The backend's connection is closed too", closeClient),
		p("CHAIN-CLOSE-SINK", "The backend sends 64 KiB and closes", "All of it at the client, then the end", closeSink),
		p("CHAIN-RST-SINK", "The backend resets a tunnel", "The client's connection ends too", func(t *attempt) {
			o := t.tunnelTo(func(b *backend, _ int) { b.waitFor(up("")); b.reset() })
			if o != nil && !t.ends(o.line) {
				t.see(wire.SightResetIgnored, "")
			}
		}),
	}
}

// tunnelTo opens a tunnel in which the sink does that. It returns nil if there is none.
func (t *attempt) tunnelTo(does func(b *backend, at int)) *outcome {
	id := t.id(plan{func(a *arrival) reply {
		if !offered(a.request, "websocket") {
			return ok(a.id)
		}
		return reply{body: bodyAfter, pieces: []piece{{0, switching("websocket", a)}}, tunnel: does}
	}})
	l := t.say(t.handshake(id))
	o := &outcome{id: id, line: l, got: t.answer(l, 1), at: t.reached(id)}
	if !o.switched() || o.at == nil {
		t.nothing("no tunnel")
		return nil
	}
	l.send(clientFrame(up(id)))
	return o
}

// waitFor waits until bytes that end with that text, or text of a mark, have come.
func (b *backend) waitFor(text string) {
	text = strings.TrimSuffix(text, " c")
	b.wait(context.Background(), idleTime, func(in []byte) bool { return bytes.Contains(b.clear(in), []byte(text)) })
}

// ends waits until the other side has ended.
func (t *attempt) ends(l *line) bool {
	t.wait(l, t.times.Come, func([]byte) bool { return false })
	return l.over()
}

func requestInTunnel(t *attempt) {
	o := t.tunnelTo(answerMarks)
	if o == nil {
		return
	}
	o.up, o.down = t.marked(o.line, o.id)
	second := newID()
	t.sink.plan(second, plan{})
	text := clientFrame(t.odd(second)) + clientFrame(up(second))
	o.line.send(text)
	t.marked(o.line, second)
	in, _ := o.at.backend.received()
	switch b, _ := t.sink.saw(second); {
	case t.came(second) != nil:
		t.see(wire.SightInner, "")
	case b != nil && b != o.at.backend:
		t.see(wire.SightMoved, "")
	case !bytes.Contains(o.at.backend.clear(in), []byte(text)):
		t.see(wire.SightChanged, "")
	}
}

// bulk sends 1 MiB each way.
func bulk(t *attempt) {
	const frames, size = 66, 16000
	payload := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	length := binary.BigEndian.AppendUint16(nil, size)
	upward := strings.Repeat("\x82\xfe"+string(length)+"\x00\x00\x00\x00"+string(payload), frames)
	downward := strings.Repeat("\x82\x7e"+string(length)+string(payload), frames)
	o := t.tunnelTo(func(b *backend, _ int) {
		b.waitFor(up(""))
		b.send(downward)
		b.wait(context.Background(), idleTime, func([]byte) bool { return false })
	})
	if o == nil {
		return
	}
	sent := make(chan struct{})
	go func() {
		o.line.send(upward)
		close(sent)
	}()
	down := t.wait(o.line, 2*t.times.Come, func(in []byte) bool { return len(in) >= o.got.to+len(downward) })
	up := t.wait(o.at.backend.line, 2*t.times.Come, func(in []byte) bool { return len(in) >= o.at.to+len(upward) })
	<-sent
	near, _ := o.line.received()
	far, _ := o.at.backend.received()
	if !down || !up || string(near[o.got.to:]) != downward || !bytes.HasSuffix(o.at.backend.clear(far), []byte(upward)) {
		t.see(wire.SightBulkLost, "")
	}
}

func halfClient(t *attempt) {
	o := t.tunnelTo(func(b *backend, at int) {
		b.waitFor(up(""))
		if !b.wait(context.Background(), t.times.Come, func([]byte) bool { return false }) && b.over() {
			b.send(serverFrame("after-end"))
			b.halfClose()
		}
		b.wait(context.Background(), idleTime, func([]byte) bool { return false })
	})
	if o == nil {
		return
	}
	o.at.backend.waitFor(up(o.id))
	o.line.halfClose()
	came := t.wait(o.line, t.times.Come, func(in []byte) bool { return bytes.Contains(in, []byte("after-end")) })
	switch {
	case came:
		t.note("half-open")
	case o.line.over():
		t.see(wire.SightBothClosed, "client")
	case !o.at.backend.over():
		t.see(wire.SightFINKept, "server")
	default:
		t.see(wire.SightHalfLost, "")
	}
}

func halfSink(t *attempt) {
	o := t.tunnelTo(func(b *backend, _ int) {
		b.waitFor(up(""))
		b.halfClose()
		b.waitFor("after-end")
	})
	if o == nil {
		return
	}
	ended := t.ends(o.line)
	o.line.send(clientFrame("after-end"))
	came := t.wait(o.at.backend.line, t.times.Come, func(in []byte) bool { return bytes.Contains(o.at.backend.clear(in), []byte("after-end")) })
	switch {
	case !ended:
		t.see(wire.SightFINKept, "client")
	case came:
		t.note("half-open")
	default:
		t.see(wire.SightBothClosed, "server")
	}
}

func closeClient(t *attempt) {
	o := t.tunnelTo(answerMarks)
	if o == nil {
		return
	}
	t.marked(o.line, o.id)
	o.line.close()
	if !t.ends(o.at.backend.line) {
		t.see(wire.SightLeaks, "")
	}
}

func closeSink(t *attempt) {
	payload := strings.Repeat("0123456789abcdef", 4096)
	o := t.tunnelTo(func(b *backend, _ int) {
		b.waitFor(up(""))
		b.send("\x82\x7f" + string(binary.BigEndian.AppendUint64(nil, uint64(len(payload)))) + payload)
	})
	if o == nil {
		return
	}
	ended := t.ends(o.line)
	in, _ := o.line.received()
	switch {
	case !bytes.Contains(in, []byte(payload)): // a hop that reads WebSocket adds a close frame
		t.see(wire.SightTailLost, "")
	case !ended:
		t.see(wire.SightCloseIgnored, "")
	}
}
