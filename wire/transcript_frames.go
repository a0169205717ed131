package wire

import (
	"encoding/json"
	"strings"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// The lines of a transcript about the frames of its tunnel. The facts are there if the transcript does
// not have all bytes of the tunnel. Of messages there is one line that says how many are not kept, and
// then one for each that is.
const (
	framesKey   = "frames"
	http2Key    = "http2"
	tlsKey      = "tls-records"
	messagesKey = "messages"
	messageKey  = "message"
	streamKey   = "stream"
	connectKey  = "connection"
)

// FramesMeta returns the lines of a transcript with the facts of the exchange's frames, if its recorded
// bytes are not all of them, with its messages, and with what is known of its stream of HTTP/2 and of that one's connection.
func (x *Exchange) FramesMeta() (all []Meta) {
	add := func(key string, v any) {
		if text, err := json.Marshal(v); err == nil { // it can always be written
			all = append(all, Meta{key, string(text)})
		}
	}
	if x.Stream != nil {
		of := *x.Stream
		of.Connection = nil
		add(streamKey, &of)
		if x.Stream.Connection != nil {
			add(connectKey, x.Stream.Connection)
		}
	}
	a := &x.After
	more := int64(len(a.Client)) < a.ClientBytes || int64(len(a.Server)) < a.ServerBytes
	if more && a.Frames != nil {
		add(framesKey, a.Frames)
	}
	if more && a.HTTP2 != nil {
		add(http2Key, a.HTTP2)
	}
	if more && a.TLS != nil {
		add(tlsKey, a.TLS)
	}
	if a.Messages != nil {
		add(messagesKey, &ws.Messages{Dropped: a.Messages.Dropped})
		for i := range a.Messages.Kept {
			add(messageKey, &a.Messages.Kept[i])
		}
	}
	return all
}

// giveFrames gives the exchange with the tunnel, which is the last one, the facts and the messages that
// the transcript has.
func (t *Transcript) giveFrames(found []*Exchange) {
	t.giveOthers(found)
	facts, messages := t.frames()
	if len(found) == 0 || facts == nil && messages == nil {
		return
	}
	if x := found[len(found)-1]; x.After.Frames != nil {
		copied := *x
		if facts != nil {
			copied.After.Frames = facts
			if e := copied.After.End; e != nil {
				end := *e
				copied.After.End = &end
				forgetWords(&copied)
				closeWords(&copied)
			}
		}
		if messages != nil {
			copied.After.Messages = messages
		}
		found[len(found)-1] = &copied
	}
}

// giveOthers gives it the facts of a tunnel that is not WebSocket.
func (t *Transcript) giveOthers(found []*Exchange) {
	if len(found) == 0 {
		return
	}
	copied := *found[len(found)-1]
	for _, m := range t.Meta {
		switch a := &copied.After; {
		case m.Key == http2Key && a.HTTP2 != nil:
			a.HTTP2 = readFacts(m.Value, a.HTTP2)
		case m.Key == tlsKey && a.TLS != nil:
			a.TLS = readFacts(m.Value, a.TLS)
		default:
			continue
		}
		if e := copied.After.End; e != nil {
			end := *e
			copied.After.End = &end
			closeWords(&copied)
		}
		found[len(found)-1] = &copied
	}
}

// negativeNumber returns a number below zero in a line of facts; empty if there is none, or the line is
// another one.
func negativeNumber(key, value string) string {
	switch key {
	case framesKey, http2Key, tlsKey, messagesKey, streamKey, connectKey:
	default:
		return ""
	}
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if n, ok := token.(json.Number); ok && strings.HasPrefix(n.String(), "-") {
			return n.String()
		}
	}
}

// readFacts reads the facts of a line. They are those that are known otherwise if it cannot be read.
func readFacts[F any](text string, known *F) *F {
	read := new(F)
	if json.Unmarshal([]byte(text), read) != nil {
		return known
	}
	return read
}

// frames reads the lines about frames. One that cannot be read is of another release.
func (t *Transcript) frames() (facts *ws.Facts, messages *ws.Messages) {
	var kept []ws.Message
	for _, m := range t.Meta {
		switch m.Key {
		case framesKey:
			var f ws.Facts
			if json.Unmarshal([]byte(m.Value), &f) == nil {
				facts = &f
			}
		case messagesKey:
			var some ws.Messages
			if json.Unmarshal([]byte(m.Value), &some) == nil {
				messages, kept = &some, append(kept, some.Kept...)
			}
		case messageKey:
			var one ws.Message
			if json.Unmarshal([]byte(m.Value), &one) == nil {
				kept = append(kept, one)
			}
		}
	}
	if messages == nil && kept != nil {
		messages = new(ws.Messages)
	}
	if messages != nil {
		messages.Kept = nil
		messages.Append(kept...)
	}
	return facts, messages
}

// withoutBlanked returns the exchange of a transcript without what its payload says, if that is
// blanked out: the asterisks are masked like any payload, and no text, reason or answer to a ping.
func withoutBlanked(x *Exchange) *Exchange {
	sides := [2][]byte{x.After.Client, x.After.Server}
	if x.After.Frames == nil || !ws.Blanked(sides) {
		return x
	}
	coded := ws.Coded(sides)
	copied := *x
	if copied.After.Frames, copied.After.Messages = x.After.Frames.WithoutBlanks(), nil; !coded {
		copied.After.Frames = x.After.Frames.WithoutPayload()
	}
	if x.After.End != nil {
		end := *x.After.End
		for _, word := range [...]*Word{&end.Client, &end.Server} {
			if word.Reason = ""; word.Kind == WordClose && !coded {
				*word = Word{}
			}
		}
		copied.After.End = &end
	}
	return &copied
}
