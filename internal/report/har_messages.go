package report

import (
	"bytes"
	"encoding/base64"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	frame "github.com/interlock-proxy/interlock/wire/ws"
)

// A harMessage is a frame in the form in which browsers export messages. Length is that of the
// payload, of which the data may be the beginning only.
type harMessage struct {
	Type     string  `json:"type"` // send or receive
	Time     float64 `json:"time"` // in seconds since 1970: when the server switched
	Opcode   int     `json:"opcode"`
	Data     string  `json:"data"`
	Encoding string  `json:"_encoding,omitempty"` // base64 if the data is not text
	Length   int64   `json:"_length"`
	Shape    string  `json:"_shape,omitempty"` // of a message whose data is not shown
	Cut      string  `json:"_cut,omitempty"`   // why the data is not all of the message
}

// harMessages returns the messages of a tunnel, with their times, if they are kept. If not, it returns
// the frames in the first bytes after a 101: the client's, then the server's.
func harMessages(x *wire.Exchange, s *rules.Evidence) []harMessage {
	if s.Messages != nil {
		return harTunnel(x, s.Messages)
	}
	at := seconds(x.Time.Add(x.Took))
	state := ws.StateServerSide // of the receiver of the client's frames
	if x.Response.Has("Sec-WebSocket-Extensions") {
		state = state.Set(ws.StateExtended)
	}
	all := frames(s.Client, bytes.HasPrefix(x.After.Client, s.Client), state)
	for i := range all {
		all[i].Type = "send"
	}
	received := frames(s.Server, true, state.Clear(ws.StateServerSide).Set(ws.StateClientSide))
	for i := range received {
		received[i].Type = "receive"
	}
	all = append(all, received...)
	for i := range all {
		all[i].Time = at
	}
	return all
}

func seconds(at time.Time) float64 {
	return float64(at.UnixMilli()) / float64(time.Second/time.Millisecond)
}

// harTunnel returns the messages of a tunnel.
func harTunnel(x *wire.Exchange, all *frame.Messages) []harMessage {
	opcodes := [...]ws.OpCode{frame.Text: ws.OpText, frame.Binary: ws.OpBinary, frame.Close: ws.OpClose, frame.Ping: ws.OpPing, frame.Pong: ws.OpPong}
	list := make([]harMessage, 0, len(all.Kept))
	for i := range all.Kept {
		k := &all.Kept[i]
		m := harMessage{
			Type: "send", Time: seconds(x.Time.Add(x.Took + k.At)), Opcode: int(opcodes[k.Kind]), Data: string(k.Data), Length: k.Size, Shape: k.Shape, Cut: k.Cut.String(),
		}
		if k.From == frame.Server {
			m.Type = "receive"
		}
		if k.Size == frame.SizeUnknown {
			m.Length = int64(min(k.Sent, math.MaxInt64))
		}
		if k.Data != nil && (k.Kind == frame.Binary || !utf8.Valid(k.Data)) {
			m.Data, m.Encoding = base64.StdEncoding.EncodeToString(k.Data), "base64"
		}
		list = append(list, m)
	}
	return list
}

// frames reads frames up to the first that the state does not allow: after it, frame boundaries are
// unknown. Redacted payload stays redacted; whole reports whether nothing was redacted.
func frames(b []byte, whole bool, state ws.State) (all []harMessage) {
	r := bytes.NewReader(b)
	for r.Len() > 0 {
		h, err := ws.ReadHeader(r)
		if err != nil || ws.CheckHeader(h, state) != nil {
			return all
		}
		payload := make([]byte, min(h.Length, int64(r.Len())))
		_, _ = io.ReadFull(r, payload) // they are there
		if h.Masked && whole {
			ws.Cipher(payload, h.Mask, 0)
		}
		m := harMessage{Opcode: int(h.OpCode), Data: string(payload), Length: h.Length}
		if h.OpCode == ws.OpBinary || h.Rsv != 0 || !utf8.Valid(payload) {
			m.Data, m.Encoding = base64.StdEncoding.EncodeToString(payload), "base64"
		}
		all = append(all, m)
		if !h.OpCode.IsControl() {
			if state = state.Clear(ws.StateFragmented); !h.Fin {
				state = state.Set(ws.StateFragmented)
			}
		}
	}
	return all
}
