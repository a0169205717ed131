package lab

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// A gatewayStream is a request in HTTP/2, and its connection to the backend.
type gatewayStream struct {
	conn     *gatewayConn
	id       uint32
	protocol string // of an extended CONNECT; empty: it is another request
	window   int64  // what the client allows; under mu of conn

	mu     sync.Mutex
	far    *hopConn // nil: not connected yet
	held   []byte   // DATA before the answer
	ready  bool     // the answer has come
	tunnel bool
	ended  bool // the client has ended its direction
	closed bool
}

// inHTTP1 is the head of a request in HTTP/1.1. It is not ok where HTTP/2 does not allow the request.
func (m *gatewayManner) inHTTP1(f *http2.MetaHeadersFrame) (text string, ok bool) {
	method, path, protocol := f.PseudoValue("method"), f.PseudoValue("path"), f.PseudoValue("protocol")
	switch {
	case method == http.MethodConnect && protocol == "":
		return "", true // it is not forwarded
	case !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \t\r\n"), f.PseudoValue("authority") == "", protocol != "" && method != http.MethodConnect:
		return "", false
	}
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	b.WriteString(http.MethodGet + " " + path + " HTTP/1.1\r\n")
	line("Host", f.PseudoValue("authority"))
	if protocol != "" {
		line("Connection", "Upgrade")
		line("Upgrade", protocol)
		line("Sec-WebSocket-Key", h2Key)
	} else {
		line("Connection", "close")
	}
	var cookies []string
	for _, field := range f.RegularFields() {
		switch field.Name {
		case "connection", "upgrade", "keep-alive", "proxy-connection", "transfer-encoding":
			return "", false
		case "host", "te", "content-length", "http2-settings", "sec-websocket-key", "x-forwarded-for", "via":
		case "cookie":
			cookies = append(cookies, field.Value)
		default:
			line(field.Name, field.Value)
		}
	}
	if !m.crumbs && len(cookies) > 0 {
		cookies = []string{strings.Join(cookies, "; ")} // RFC 9113 §8.2.3
	}
	for _, value := range cookies {
		line("Cookie", value)
	}
	line("Via", "2.0 lab")
	return b.String() + "\r\n", true
}

// run forwards the request, and the answer back.
func (s *gatewayStream) run(text string) {
	defer s.conn.forget(s.id)
	far, err := s.conn.hop.dial(s.conn.hop.backend)
	if err != nil {
		s.answer(http.StatusBadGateway, nil, true)
		return
	}
	defer s.conn.hop.drop(far)
	s.mu.Lock()
	if s.far = far; s.closed {
		_ = far.Close()
	}
	s.mu.Unlock()
	_ = far.SetWriteDeadline(time.Now().Add(writeTime))
	_, _ = io.WriteString(far, text)
	if m := &s.conn.manner; s.protocol != "" && m.early {
		s.settle(false)
	} else if s.protocol != "" && m.opensAtOnce {
		s.answer(http.StatusOK, nil, false)
		s.settle(true)
	}
	_ = far.SetReadDeadline(time.Now().Add(idleTime))
	for {
		p, err := http.ReadResponse(far.br, nil)
		if err != nil {
			s.unanswered()
			return
		}
		interim := p.StatusCode/100 == 1 && p.StatusCode != http.StatusSwitchingProtocols
		if !interim || s.conn.manner.losesInterim {
			s.back(p)
			_ = far.Close() // before the body, which would be read to its end
			_ = p.Body.Close()
			return
		}
		_ = p.Body.Close()
	}
}

// unanswered answers where the backend has not.
func (s *gatewayStream) unanswered() {
	switch m := &s.conn.manner; {
	case m.opensAtOnce && s.protocol != "":
		_ = s.conn.write(func() error { return s.conn.framer.WriteData(s.id, true, nil) })
	case m.hangs:
		s.conn.wait(s)
	case m.refusesAgain:
		s.conn.reset(s.id, http2.ErrCodeRefusedStream)
	default:
		s.answer(http.StatusBadGateway, nil, true)
	}
}

// wait waits until the client has ended a stream.
func (c *gatewayConn) wait(s *gatewayStream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.over && c.streams[s.id] == s {
		c.wider.Wait()
	}
}

// back forwards an answer.
func (s *gatewayStream) back(p *http.Response) {
	m := &s.conn.manner
	switch {
	case m.opensAtOnce && s.protocol != "":
		s.pipe(s.far.br)
	case s.protocol == "":
		s.answer(p.StatusCode, kept(p, false), false)
		s.pipe(p.Body)
	case p.StatusCode/100 == 2 && m.opensAny:
		s.answer(p.StatusCode, nil, false)
		s.settle(true)
		s.pipe(s.far.br)
	case p.StatusCode == http.StatusSwitchingProtocols && (m.unchecked || s.accepts(p)):
		if m.losesFirst {
			_ = s.far.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, _ = s.far.br.Peek(1)
			_ = s.far.SetReadDeadline(time.Now().Add(idleTime))
			_, _ = s.far.br.Discard(s.far.br.Buffered())
		}
		s.answer(http.StatusOK, m.opened(p), false)
		s.settle(true)
		s.pipe(s.far.br)
	case p.StatusCode/100 <= 2:
		s.answer(http.StatusBadGateway, nil, true)
	default:
		s.answer(p.StatusCode, kept(p, false), false)
		s.settle(m.late)
		s.pipe(p.Body)
	}
}

// accepts reports whether a 101 accepts the handshake (RFC 6455 §4.1).
func (s *gatewayStream) accepts(p *http.Response) bool {
	return strings.EqualFold(p.Header.Get("Upgrade"), s.protocol) && strings.EqualFold(p.Header.Get("Connection"), "upgrade") && p.Header.Get("Sec-WebSocket-Accept") == acceptFor(h2Key)
}

// opened are the headers of the 200 that a 101 becomes.
func (m *gatewayManner) opened(p *http.Response) [][2]string {
	fields := kept(p, m.keepsLength)
	if m.subprotocol {
		fields = slices.DeleteFunc(fields, func(f [2]string) bool { return f[0] == "sec-websocket-protocol" })
	}
	return fields
}

// kept are the headers of a response that HTTP/2 allows (RFC 9113 §8.2.2).
func kept(p *http.Response, length bool) (fields [][2]string) {
	for name, values := range p.Header {
		switch name = lower(name); name {
		case "connection", "upgrade", "keep-alive", "proxy-connection", "transfer-encoding", "sec-websocket-accept", "content-length":
			if name != "content-length" || !length {
				continue
			}
		}
		for _, value := range values {
			fields = append(fields, [2]string{name, value})
		}
	}
	if length && len(p.TransferEncoding) > 0 {
		fields = append(fields, [2]string{"transfer-encoding", strings.Join(p.TransferEncoding, ", ")})
	}
	return fields
}

// answer sends the head of the response.
func (s *gatewayStream) answer(status int, fields [][2]string, end bool) {
	s.conn.head(s.id, status, fields, end)
	if end {
		s.conn.forget(s.id)
	}
}

// settle says whether what the client sends goes to the backend from now on, and what it has sent before.
func (s *gatewayStream) settle(forwards bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready, s.tunnel = true, forwards || s.conn.manner.early
	if s.tunnel {
		s.forward(s.held)
	}
	s.held = nil
}

// take takes what the client sent.
func (s *gatewayStream) take(b []byte, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = s.ended || end
	switch {
	case s.tunnel:
		s.forward(b)
	case !s.ready && len(s.held)+len(b) <= h2Pending:
		s.held = append(s.held, b...)
	}
}

// forward writes to the backend. The caller holds mu.
func (s *gatewayStream) forward(b []byte) {
	if s.far == nil {
		return
	}
	_ = s.far.SetWriteDeadline(time.Now().Add(writeTime))
	_, _ = s.far.Write(b)
	if half, ok := s.far.Conn.(interface{ CloseWrite() error }); ok && s.ended {
		_ = half.CloseWrite() // RFC 9113 §8.5
	}
}

// pipe sends the bytes of the backend to the client, until they end.
func (s *gatewayStream) pipe(from io.Reader) {
	b := make([]byte, h2Frame)
	for {
		_ = s.far.SetReadDeadline(time.Now().Add(idleTime))
		n, err := from.Read(b)
		if n > 0 && !s.conn.send(s, b[:n]) {
			return
		}
		if err != nil {
			_ = s.conn.write(func() error { return s.conn.framer.WriteData(s.id, true, nil) })
			return
		}
	}
}

// close closes the connection to the backend.
func (s *gatewayStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed = true; s.far != nil {
		_ = s.far.Close()
	}
}
