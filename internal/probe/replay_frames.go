package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// Bounds of a replayed tunnel.
const (
	maxReplayed = 8 << 20          // bytes that are read
	maxPause    = 30 * time.Second // how long to wait for a message as long as it took when it was recorded
	maxReplay   = 5 * time.Minute  // for the whole tunnel
	mostMissed  = 10               // waits in vain before no message is waited for
	promptPing  = time.Second      // a ping that was sent sooner after the message before it is waited for
)

// ReplayFrames is Replay with the messages of a recorded tunnel after the 101, in the order in which
// they were recorded: before each message of the client, the server has time to send what it had sent
// by then. Messages are masked anew, and sent uncompressed, which permessage-deflate allows (RFC 7692
// §6). Pings of the server are answered with their own data. The exchange has the messages of both
// sides, with their data. The error is also that of [Replayable].
func ReplayFrames(ctx context.Context, t Target, s Settings, recorded *ws.Messages) (*wire.Exchange, error) {
	if err := Replayable(t.Base, recorded); err != nil {
		return nil, err
	}
	c, err := newCaller(ctx, t, s)
	if err != nil {
		return nil, err
	}
	c.script = recorded
	return c.replay(ctx)
}

// Replayable returns an error that says what is missing of the client's messages, which follow this handshake, and
// how to record it; nil if all of them are there.
func Replayable(base *rules.Handshake, m *ws.Messages) error {
	if base.HTTP2() {
		return exit.Usage("replay --frames: messages over HTTP/2 cannot be sent again: leave out --frames")
	}
	const record = "record the tunnel with frames: messages and evidence.keep: full"
	if m == nil {
		return exit.Usage("replay --frames: no messages of this exchange are kept; " + record)
	}
	if n := m.Dropped[ws.Client]; n > 0 {
		return exit.Usage("replay --frames: the first %d messages of the client are not kept; raise evidence.tunnel_bytes when you record", n)
	}
	sent, ended := 0, 0
	for i := range m.Kept {
		each := &m.Kept[i]
		if each.From != ws.Client {
			continue
		}
		if each.Cut != ws.CutEnd {
			ended++
		}
		switch sent++; {
		case each.Cut == ws.CutLong:
			return exit.Usage("replay --frames: message %d of the client is kept only in part; raise evidence.message_bytes when you record", sent)
		case each.Cut != ws.Whole && each.Cut != ws.CutEnd:
			return exit.Usage("replay --frames: message %d of the client is not kept whole (%s)", sent, each.Cut)
		case each.Data == nil && each.Size != 0:
			return exit.Usage("replay --frames: the messages of this exchange are kept without their payload; " + record)
		}
	}
	if sent == 0 {
		return exit.Usage("replay --frames: the client sent no message in this exchange")
	}
	if ended == 0 {
		return exit.Usage("replay --frames: the client sent no message to its end in this exchange")
	}
	return nil
}

// A player sends the client's side of a recorded tunnel.
type player struct {
	*attempt
	reader *ws.Reader
	read   int   // bytes of the server that the reader has had
	sent   tally // messages of the server that count, see counts
	pinged tally // pings of the server; all of them are answered
	missed int   // how often something was waited for in vain
	until  time.Time
}

// A tally is of what a server sends.
type tally struct {
	came int
	owed int // what was waited for in vain
}

// play sends the recorded messages. It reports whether a close frame was sent that the server has not
// answered yet.
func (a *attempt) play() (polite bool) {
	p := &player{attempt: a, reader: ws.NewReader(ws.Terms{Deflate: a.agreed("permessage-deflate")}, 0), until: time.Now().Add(maxReplay)}
	p.reader.Keep(&ws.Keep{Data: true, Tunnel: ws.MaxTunnelBytes}, [2]ws.Context{}, 0)
	var (
		due, pings int // what the server had sent by then
		before     time.Duration
		pinged     [][]byte
	)
	for i := range a.script.Kept {
		m := &a.script.Kept[i]
		pause := m.At - before
		before = m.At
		switch {
		case m.From == ws.Server && m.Kind == ws.Ping:
			pinged = append(pinged, m.Data)
			if pause < promptPing { // any other belongs to a schedule of the server
				pings++
				p.await(&p.pinged, pings, pause)
			}
		case m.From == ws.Server:
			if counts(m.Kind) {
				due++
				p.await(&p.sent, due, pause)
			}
		case m.Cut == ws.CutEnd: // it was never sent to its end
		case m.Kind == ws.Pong && slices.ContainsFunc(pinged, func(data []byte) bool { return string(data) == string(m.Data) }):
		case a.gone():
		default:
			p.write(m)
			polite = polite || m.Kind == ws.Close
		}
	}
	if p.sent.came < due && !a.gone() {
		p.sent.owed, p.missed = 0, 0
		p.await(&p.sent, due, 0)
	}
	if polite && !a.gone() {
		a.hear(time.Now().Add(a.settings.Head), func() bool { return false }) // the server closes the connection
	}
	return polite && !a.gone()
}

// counts reports whether a server sends frames of that kind in answer to something.
func counts(k ws.Kind) bool { return k == ws.Text || k == ws.Binary || k == ws.Close || k == ws.Pong }

// gone reports whether the server has ended the connection.
func (a *attempt) gone() bool { return a.over != "" && a.over != wire.CauseTimeout }

// await waits until the server has sent that many, but for those that it owes already: as long as it
// took when it was recorded and a while more, briefly once it owes one, and not at all where it has
// been silent often.
func (p *player) await(t *tally, due int, took time.Duration) {
	most := min(took, maxPause) + p.settings.Head
	switch {
	case p.missed >= mostMissed:
		return
	case p.missed > 0:
		most = p.quiet()
	}
	until := time.Now().Add(most)
	if p.until.Before(until) {
		until = p.until
	}
	p.hear(until, func() bool {
		p.listen()
		return t.came+t.owed >= due
	})
	p.listen() // the server may have ended the connection
	if t.came+t.owed < due {
		t.owed = due - t.came
		p.missed++
	}
}

// write sends a message.
func (p *player) write(m *ws.Message) {
	p.conn.SetWriteDeadline(time.Now().Add(p.settings.Head))
	p.say(clientFrames(m))
}

// listen counts the messages of the server and answers its pings.
func (p *player) listen() {
	p.reader.Feed(ws.Server, p.behind[p.read:], time.Since(p.began))
	p.read = len(p.behind)
	m := p.reader.Messages()
	p.sent.came = int(m.Dropped[ws.Server])
	pings := 0
	for i := range m.Kept {
		each := &m.Kept[i]
		if counts(each.Kind) && each.Cut != ws.CutEnd {
			p.sent.came++
		}
		if each.Kind != ws.Ping {
			continue
		}
		if pings++; pings > p.pinged.came {
			p.pinged.came++
			p.write(&ws.Message{Kind: ws.Pong, Data: each.Data})
		}
	}
}

// clientFrames returns the frames of a message, as many as it came in, each with a mask of its own
// (RFC 6455 §5.3).
func clientFrames(m *ws.Message) string {
	n := int(max(min(m.Frames, int64(len(m.Data))), 1))
	opcode := [ws.Kinds]byte{ws.Text: 1, ws.Binary: 2, ws.Close: 8, ws.Ping: 9, ws.Pong: 10}[m.Kind]
	var b []byte
	for i := range n {
		part := m.Data[len(m.Data)*i/n : len(m.Data)*(i+1)/n]
		first := opcode
		if i > 0 {
			first = 0
		}
		if i == n-1 {
			first |= 0x80
		}
		switch length := len(part); {
		case length < 126:
			b = append(b, first, 0x80|byte(length))
		case length < 1<<16:
			b = binary.BigEndian.AppendUint16(append(b, first, 0x80|126), uint16(length))
		default:
			b = binary.BigEndian.AppendUint64(append(b, first, 0x80|127), uint64(length))
		}
		var key [4]byte
		rand.Read(key[:]) // never fails
		b = append(b, key[:]...)
		for j, c := range part {
			b = append(b, c^key[j&3])
		}
	}
	return string(b)
}
