package chain

import (
	"bytes"
	"crypto/tls"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// A stream is a request in HTTP/2, on a connection of its own (RFC 9113, RFC 8441). It writes frames that
// a correct client does not, and the answer is read by the decoder of live traffic.
type stream struct {
	t      *attempt
	line   *line
	sent   []byte
	out    bytes.Buffer
	framer *http2.Framer
}

// An answered is what has come on a stream.
type answered struct {
	greeted bool           // SETTINGS have come
	head    *wire.Response // the final head; nil: none has come
	status  int            // of that head; 0: none has come
	data    []byte
	over    bool // nothing more will come
}

// streamID is the stream of the request.
const streamID = 1

// connect opens a connection, and sends an extended CONNECT with that id and more fields. What is early
// goes out in the same write, in a DATA frame.
func (t *attempt) connect(id, early string, more ...h2.Field) *stream {
	return t.stream(t.extended(t.path(id), more...), early, false)
}

// extended are the fields of an extended CONNECT for a path. Further ones take the place of those with the same
// name.
func (t *attempt) extended(path string, more ...h2.Field) []h2.Field {
	return t.fields([]h2.Field{
		{Name: ":method", Value: "CONNECT"}, {Name: ":protocol", Value: "websocket"}, {Name: ":scheme", Value: t.hop.scheme()},
		{Name: ":path", Value: path}, {Name: ":authority", Value: t.hop.Host},
		{Name: "sec-websocket-version", Value: "13"}, {Name: "origin", Value: t.hop.scheme() + "://" + t.hop.Host},
	}, more)
}

// fields puts the user's own fields and further ones in the place of those with the same name; cookies are
// added. The user's values must not be indexed (RFC 7541 §7.1.3), so their names are recorded as secret.
func (t *attempt) fields(all, more []h2.Field) []h2.Field {
	for _, f := range t.own() {
		if name := strings.ToLower(f[0]); name == "host" {
			all = replaced(all, h2.Field{Name: ":authority", Value: f[1]})
		} else {
			all = replaced(all, h2.Field{Name: name, Value: f[1], Sensitive: true})
		}
	}
	for _, f := range more {
		if f.Name == "cookie" {
			all = append(all, f)
		} else {
			all = replaced(all, f)
		}
	}
	return all
}

// InHTTP2 reports whether HTTP/2 allows a header (RFC 9113 §8.2.2), and an extended CONNECT has a use for it.
func InHTTP2(name, value string) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings", "content-length", "sec-websocket-key":
		return false
	case "te":
		return value == "trailers"
	}
	return true
}

// replaced puts a field in the place of the one with its name, or at the end.
func replaced(all []h2.Field, f h2.Field) []h2.Field {
	i := slices.IndexFunc(all, func(old h2.Field) bool { return old.Name == f.Name })
	if i < 0 {
		return append(all, f)
	}
	all[i] = f
	return all
}

// stream opens a connection, and sends a request. What is early goes out in the same write, in a DATA frame.
func (t *attempt) stream(fields []h2.Field, early string, ends bool) *stream {
	s := &stream{t: t, line: t.openWith(t.hop.dial2)}
	s.framer = http2.NewFramer(&s.out, nil)
	s.out.WriteString(h2.Preface)
	_ = s.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush}) // writing to memory does not fail
	s.flush()
	s.wait(t.times.Come, func(a answered) bool { return a.greeted })
	_ = s.framer.WriteSettingsAck()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		_ = encoder.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value, Sensitive: f.Sensitive})
	}
	_ = s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: streamID, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: ends})
	if early != "" {
		_ = s.framer.WriteData(streamID, false, []byte(early))
	}
	s.flush()
	return s
}

// unspoken says why the hop does not speak HTTP/2: it does not choose that in TLS, or sends no SETTINGS. It is empty
// if it does.
func (t *attempt) unspoken() string {
	if t.hop.TLS != nil {
		t.regain()
		conn, err := t.hop.dial2(t.ctx, t.times.Dial)
		if err != nil {
			if l, one := t.hop.dial(t.ctx, t.times.Dial); one == nil {
				l.Close()
				return "the hop does not speak HTTP/2: " + err.Error()
			}
			return "" // it cannot be reached, which the probe will say
		}
		conn.Close()
		if secure, is := conn.(*tls.Conn); is && secure.ConnectionState().NegotiatedProtocol != "h2" {
			return "the hop does not choose HTTP/2 in TLS, by ALPN"
		}
	}
	s := &stream{t: t, line: t.openWith(t.hop.dial2)}
	s.sent = []byte(h2.Preface + emptySettings)
	s.line.send(string(s.sent))
	if a := s.wait(t.times.Come, func(a answered) bool { return a.greeted }); !a.greeted {
		return "the hop does not speak HTTP/2: it sends no SETTINGS"
	}
	s.line.close()
	return ""
}

// emptySettings is a SETTINGS frame without a setting.
const emptySettings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// say sends text in a DATA frame.
func (s *stream) say(text string) {
	_ = s.framer.WriteData(streamID, false, []byte(text))
	s.flush()
}

func (s *stream) flush() {
	text := s.out.String()
	s.out.Reset()
	s.sent = append(s.sent, text...)
	s.line.send(text)
}

// read reads what has come. It is little, so it is read from its beginning each time.
func (s *stream) read(in []byte) (a answered) {
	decoder := h2.NewDecoder(h2.Terms{}, 0, func(e *h2.Event) {
		ours := e.From == h2.Server && e.Stream == streamID
		switch {
		case e.From != h2.Server:
		case e.Kind == h2.EventGoAway && e.Last < streamID, e.Kind == h2.EventBlind:
			a.over = true
		case !ours:
		case e.Kind == h2.EventHead && a.status == 0:
			if p := wire.ReadResponse(wire.HTTP2Head(e.Fields)); p.Status/100 != 1 || p.Status == 101 {
				a.head, a.status = p, p.Status
			}
		case e.Kind == h2.EventData:
			e.Want = e.Length
		case e.Kind == h2.EventPayload:
			a.data = append(a.data, e.Data...)
		}
		a.over = a.over || ours && (e.Kind == h2.EventEnd || e.Kind == h2.EventReset)
	})
	decoder.Feed(h2.Client, s.sent, 0)
	decoder.Feed(h2.Server, in, 0)
	a.greeted = decoder.Facts().Sides[h2.Server].Frames[h2.Settings] > 0
	return a
}

// wait waits until enough has come on the stream, or nothing more will.
func (s *stream) wait(within time.Duration, enough func(answered) bool) answered {
	s.t.wait(s.line, within, func(in []byte) bool {
		a := s.read(in)
		return a.over || enough(a)
	})
	in, _ := s.line.received()
	return s.read(in)
}

// answer waits for the final head.
func (s *stream) answer() answered {
	return s.wait(s.t.times.Come+s.t.times.Hold, func(a answered) bool { return a.status != 0 })
}

// opened reports whether the client was told that there is a tunnel.
func (a answered) opened() bool { return a.status/100 == 2 || a.status == 101 }

// value returns the value of a header of the final head.
func (a answered) value(name string) (value string, ok bool) {
	if a.head == nil {
		return "", false
	}
	return a.head.Value(name)
}

// passes sends a mark through the tunnel, and reports whether it comes back from the sink.
func (s *stream) passes(id string) bool {
	s.say(clientFrame(up(id)))
	a := s.wait(s.t.times.Come, func(a answered) bool { return bytes.Contains(a.data, []byte(down(id))) })
	return bytes.Contains(a.data, []byte(down(id)))
}

// said says what the client got.
func (s *stream) said() string {
	in, end := s.line.received()
	switch a := s.read(in); {
	case a.status != 0:
		return "a " + strconv.Itoa(a.status)
	case a.over:
		return "no answer: the stream was reset"
	case end != "":
		return "no answer, and the connection was closed"
	}
	return "no answer, and the connection stays open"
}
