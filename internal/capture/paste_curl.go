package capture

import (
	"net"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// A line of a terminal that is at least this long may be broken.
const wide = 72

// maxFailures is how many failures of connections are kept.
const maxFailures = 8

// curl reads a line that curl -v has marked: > is sent, < is received, * is a remark.
func (p *paste) curl(mark byte, text string) {
	switch mark {
	case '*':
		p.remark(text)
	case '>':
		if m := p.requestLine(text); m != nil {
			p.flushMarked()
			p.begin().ask(m)
			p.now.marked, p.part = true, requestRaw
			p.command = nil
			return
		}
		p.head(requestRaw, text)
	case '<':
		if m := p.statusLine(text); m != nil {
			p.answer(m)
			p.now.marked, p.part = true, responseRaw
			return
		}
		p.head(responseRaw, text)
	}
}

// flushMarked observes the exchange under way, but not the command line that made the one to come.
func (p *paste) flushMarked() {
	if p.now != nil {
		p.flush()
	}
}

// head reads a line of a head; an empty one ends it.
func (p *paste) head(of part, text string) {
	if p.part != of || p.now == nil {
		return
	}
	if text == "" {
		p.part = outside
		return
	}
	m := p.patterns.field.FindStringSubmatch(text)
	switch {
	case m == nil:
	case of == requestRaw:
		p.now.request.add(m[1], strings.TrimSpace(m[2]))
	default:
		p.now.response.add(m[1], strings.TrimSpace(m[2]))
	}
}

// last remembers how long the last line was.
func (p *paste) last(length int) {
	if p.now == nil {
		return
	}
	for _, m := range []*message{&p.now.request, &p.now.response} {
		m.wide = length >= wide && len(m.fields) > 0 && (m == &p.now.request) == (p.part == requestRaw)
	}
}

// wrapped reads an unmarked line between those of curl -v: the rest of a line that the terminal has
// broken, or something else, such as a line of curl -i or of the content.
func (p *paste) wrapped(text string) {
	m := &p.now.request
	if p.part == outside && p.now.response.status != 0 {
		p.body(text)
		return
	}
	if p.part == responseRaw {
		m = &p.now.response
	}
	if !m.wide || text == "" || p.part != requestRaw && p.part != responseRaw {
		return
	}
	last := &m.fields[len(m.fields)-1]
	if name, value, ok := strings.Cut(text, ":"); ok && name == last.name && strings.TrimSpace(value) == last.value {
		return // curl -i shows it again
	}
	if m.bytes += len(text); m.bytes <= wire.MaxHead {
		last.value += text
	}
}

// body reads a line of the body of a response.
func (p *paste) body(text string) {
	if strings.HasPrefix(text, "{ [") || strings.HasPrefix(text, "} [") {
		return // what curl says about its data
	}
	if room := wire.MaxContent - len(p.now.content); room > 0 {
		text += "\n"
		p.now.content = append(p.now.content, text[:min(room, len(text))]...)
	}
}

// remark reads what curl -v says about the connection.
func (p *paste) remark(text string) {
	if m := p.patterns.connected.FindStringSubmatch(text); m != nil {
		p.trouble = ""
		if !strings.HasPrefix(text, "Re-using") {
			p.connection = connected{address: net.JoinHostPort(m[1], m[2])}
		}
		return
	}
	if p.patterns.trouble.MatchString(text) {
		p.trouble = text
	}
	switch {
	case strings.HasPrefix(text, "SSL connection using"), strings.HasPrefix(text, "ALPN: server accepted"), strings.HasPrefix(text, "ALPN, server accepted"):
		p.connection.tls = true
	case p.now == nil || p.now.response.status != 0:
	case strings.HasPrefix(text, "Empty reply from server"):
		p.now.end = wire.CauseServer
	case strings.Contains(text, "Connection reset by peer"):
		p.now.end = wire.CauseServerReset
	case strings.HasPrefix(text, "Operation timed out"):
		p.now.end = wire.CauseTimeout
	}
}

// failure reads the last line of a curl that failed. It reports whether the line is one.
func (p *paste) failure(text string) bool {
	rest, ok := strings.CutPrefix(text, "curl: (")
	_, reason, closed := strings.Cut(rest, ") ")
	if !ok || !closed {
		return false
	}
	p.remark(reason)
	p.failed(text)
	return true
}

// failed keeps what a program says about a connection that failed.
func (p *paste) failed(text string) {
	p.found = true
	if len(p.report.Failures) < maxFailures {
		text = strings.ReplaceAll(text, "’", "'")
		p.report.Failures = append(p.report.Failures, wire.Escape([]byte(text[:min(len(text), 200)])))
	}
}
