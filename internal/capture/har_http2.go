package capture

import (
	"slices"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// version returns the version of HTTP of an entry: HTTP/1.0, HTTP/1.1, HTTP/2, HTTP/3 for that and all
// others without an Upgrade header, or empty where the program that wrote the file leaves it out.
func (e *entry) version() (version string) {
	for _, v := range [...]string{e.request.version, e.response.version} {
		v = strings.ToUpper(v)
		switch {
		case strings.HasPrefix(v, "H3"), strings.HasPrefix(v, "HTTP/3"), strings.HasPrefix(v, "QUIC"), strings.HasPrefix(v, "SPDY"):
			return "HTTP/3"
		case strings.HasPrefix(v, "H2"), strings.HasPrefix(v, "HTTP/2"):
			return "HTTP/2"
		case version == "" && (v == "HTTP/1.0" || v == "HTTP/1.1"):
			version = v
		}
	}
	if e.request.pseudo() || e.response.pseudo() {
		return "HTTP/2"
	}
	return version
}

// pseudo reports whether a message has pseudo-headers.
func (m *message) pseudo() bool {
	return slices.ContainsFunc(m.fields, func(f field) bool { return strings.HasPrefix(f.name, ":") })
}

// http2 makes the exchange of an entry of HTTP/2; nil if it does not concern upgrades, or is not kept. Many
// programs show a request as one of HTTP/1.1: then it is what their clients make of that (RFC 8441 §5),
// and Lossy says that fields are missing.
func (s *session) http2(e *entry, u address) *wire.Exchange {
	if u.scheme == "" || e.request.bytes > wire.MaxHead || e.response.bytes > wire.MaxHead {
		s.report.Damaged++
		return nil
	}
	status := int(e.response.status)
	answered := status >= 100 && status <= 999
	if answered {
		s.counts.Exchanges.Add(1)
	}
	shown := e.request.pseudo()
	fields := e.request.lines(shown)
	if !shown {
		if !wire.IsToken(e.request.method) {
			s.report.Damaged++
			return nil
		}
		fields = rebuilt(fields, u, e.request.method, e.isWebSocket(u))
	}
	x := &wire.Exchange{Stream: new(wire.Stream), Lossy: []string{LostBytes}, Outcome: wire.Unseen, Request: wire.ReadRequest(wire.HTTP2Head(fields))}
	x.Request.Flaws = nil // they would be ours
	if !shown {
		x.Lossy = append(x.Lossy, LostRequest)
	}
	if !answered {
		x.Lossy = append(x.Lossy, LostEnd)
		return s.about(x)
	}
	known := e.response.pseudo()
	answer := e.response.lines(known)
	if !known {
		answer = slices.Insert(answer, 0, h2.Field{Name: ":status", Value: strconv.Itoa(status)})
	}
	if len(e.response.fields) == 0 {
		x.Lossy = append(x.Lossy, LostResponse)
	}
	x.Response = wire.ReadResponse(wire.HTTP2Head(answer))
	x.Response.Flaws = nil
	if x.Response.Status == 0 {
		s.report.Damaged++
		return nil
	}
	if !shown && status == 101 { // no more than how the program shows a tunnel
		s.report.Headless++
		return nil
	}
	if x.Outcome = x.Answer(); x.Outcome == wire.Switched {
		x.After.Opaque = true
		x.Lossy = append(x.Lossy, LostAftermath)
	}
	return s.about(x)
}

// about returns an exchange of HTTP/2 if it concerns upgrades.
func (s *session) about(x *wire.Exchange) *wire.Exchange {
	p := x.Response
	if !x.Request.AboutUpgrade() && (p == nil || p.Status != 101 && p.Status != 426 && !p.Has("Upgrade")) {
		return nil
	}
	return x
}

// isWebSocket reports whether an entry is a handshake of WebSocket.
func (e *entry) isWebSocket(u address) bool {
	return e.websocket || u.scheme == "ws" || u.scheme == "wss" || slices.ContainsFunc(e.request.fields, func(f field) bool {
		return wire.EqualFold(f.name, "Upgrade") && wire.EqualFold(f.value, "websocket")
	})
}

// lines are the headers of a message. Unless the program shows them as they were, their names are in lower
// case, as HTTP/2 has them. Chrome joins lines of one name by a line feed.
func (m *message) lines(shown bool) []h2.Field {
	fields := make([]h2.Field, 0, len(m.fields))
	for _, f := range m.fields {
		switch {
		case f.name == "", strings.ContainsAny(f.name, "\r\n"):
			continue
		case !shown:
			f.name = strings.ToLower(f.name)
		}
		for value := range strings.SplitSeq(f.value, "\n") {
			fields = append(fields, h2.Field{Name: f.name, Value: strings.ReplaceAll(value, "\r", "")})
		}
	}
	return fields
}

// rebuilt is the request of which a program shows the headers of HTTP/1.1.
func rebuilt(fields []h2.Field, u address, method string, websocket bool) []h2.Field {
	scheme := "http"
	if u.tls() {
		scheme = "https"
	}
	if i := slices.IndexFunc(fields, func(f h2.Field) bool { return f.Name == "host" }); i >= 0 {
		u.authority = fields[i].Value
	}
	head := []h2.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: scheme}, {Name: ":authority", Value: u.authority}, {Name: ":path", Value: requestTarget(u.target)}}
	if websocket {
		head[0].Value = "CONNECT"
		head = slices.Insert(head, 1, h2.Field{Name: ":protocol", Value: "websocket"})
	}
	for _, f := range fields {
		switch f.Name {
		case "host", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings":
			continue
		case "sec-websocket-key", "sec-websocket-accept":
			if websocket {
				continue
			}
		}
		head = append(head, f)
	}
	return head
}
