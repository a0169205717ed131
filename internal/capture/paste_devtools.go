package capture

import (
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// title reads the title of a section of devtools. It reports whether the line is one.
func (p *paste) title(text string) bool {
	if text == "" || strings.IndexByte("gGrR", text[0]) < 0 {
		return false
	}
	m := p.patterns.title.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	e := p.now
	switch strings.ToLower(m[1]) {
	case "general":
		p.flush()
		p.part = general
		return true
	case "request headers":
		if e != nil && (e.marked || len(e.request.fields) > 0 || e.target != "") {
			p.flush()
		}
		p.part = requestHead
	default:
		if e != nil && (e.marked || len(e.response.fields) > 0) {
			p.flush()
		}
		p.part = responseHead
	}
	p.key = ""
	p.begin()
	return true
}

// devtools reads a line of the headers view of a browser, or of a head as it is on the wire.
func (p *paste) devtools(text string) {
	if text == "" {
		if p.part == requestRaw || p.part == responseRaw {
			p.part = outside
		}
		return
	}
	if key := p.key; key != "" {
		p.key = ""
		if !strings.HasSuffix(text, ":") || strings.Contains(text, " ") {
			p.pair(key, text)
			return
		}
		p.pair(key, "")
	}
	if strings.HasPrefix(strings.ToLower(text), "provisional headers are shown") {
		p.begin().provisional = true
		return
	}
	if version, ok := strings.CutPrefix(text, "Version"); ok && strings.HasPrefix(strings.TrimLeft(version, ": "), "HTTP/") {
		p.begin().response.version = strings.TrimLeft(version, ": ")
		return
	}
	if strings.HasPrefix(text, ":") && (p.part == requestHead || p.part == responseHead) { // a pseudo-header of HTTP/2
		p.begin().request.version = "HTTP/2"
		name, value, _ := strings.Cut(text[1:], ":")
		if value = strings.TrimSpace(value); value == "" {
			p.key = ":" + name
		} else {
			p.pair(":"+name, value)
		}
		return
	}
	var m []string
	if strings.Contains(text, ":") {
		m = p.patterns.field.FindStringSubmatch(text)
	}
	switch {
	case p.part <= general && p.now != nil && p.now.url == "" && p.patterns.url.MatchString(text):
		p.now.url, p.now.asked = text, true
	case p.part <= general && (text == "GET" || text == "POST" || text == "HEAD"): // as Firefox begins
		p.flush()
		p.begin().request.method = text
	case isGeneral(text) && (p.part <= general || strings.Contains(text, " ")):
		p.key = text
	case m != nil && p.part >= requestHead:
		if p.key = m[1]; m[2] != "" {
			p.key = ""
			p.pair(m[1], strings.TrimSpace(m[2]))
		}
	case m == nil && generalPair(text) != "":
		name := generalPair(text)
		p.pair(name, strings.TrimSpace(text[len(name)+1:]))
	case p.part == requestHead || p.part == responseHead:
		if wire.IsToken(text) && (strings.Contains(text, "-") || isShortName(text)) {
			p.key = text
		}
	}
}

// isGeneral reports whether a line is a key of the general section alone.
func isGeneral(text string) bool {
	switch strings.ToLower(strings.TrimSuffix(text, ":")) {
	case "request url", "request method", "status code", "remote address", "status":
		return true
	}
	return false
}

// generalPair returns the key of a line "Key: value" of the general section; empty if it is none.
func generalPair(text string) string {
	name, _, ok := strings.Cut(text, ":")
	if ok && isGeneral(name) {
		return name
	}
	return ""
}

// isShortName reports whether a word without a hyphen is a header that devtools show, where the
// name has a line of its own.
func isShortName(text string) bool {
	switch strings.ToLower(text) {
	case "connection", "host", "upgrade", "origin", "server", "date", "cookie", "pragma", "accept", "referer", "via", "authorization", "location", "vary", "expires", "allow", "age", "priority", "te", "dnt":
		return true
	}
	return false
}

// pair takes a key of the general section, or a header.
func (p *paste) pair(name, value string) {
	if strings.Contains(name, " ") || p.part <= general {
		p.generally(strings.ToLower(strings.TrimSuffix(name, ":")), value)
		return
	}
	name = strings.TrimSuffix(name, ":")
	e := p.begin()
	switch p.part {
	case requestHead, requestRaw:
		e.asked = true
		e.request.add(name, value)
	case responseHead, responseRaw:
		e.response.add(name, value)
	}
}

// generally takes a key of the general section.
func (p *paste) generally(key, value string) {
	if key == "request url" && p.now != nil && p.now.url != "" {
		p.flush()
		p.part = general
	}
	e := p.begin()
	switch key {
	case "request url":
		e.url, e.asked = value, true
	case "request method":
		e.request.method = value
	case "remote address":
		e.from.address = value
	case "status code", "status":
		code, reason, _ := strings.Cut(value, " ")
		if n, err := strconv.Atoi(code); err == nil && n >= 100 && n <= 999 && e.response.status == 0 {
			e.response.status, e.response.reason = float64(n), reason
		}
	}
}

// console reads a line that a browser or a library writes if a WebSocket cannot be opened. It
// reports whether the line is one.
func (p *paste) console(text string) bool {
	e := &pasted{console: true}
	switch {
	case p.unexpectedOf(e, text):
	case strings.Contains(text, "onnection to ") && p.patterns.firefox.MatchString(text):
		p.flush()
		p.failed(text)
		return true
	case !p.network(e, text):
		return false
	}
	if e.response.status != 0 {
		p.flush()
		p.observe(e)
	} else {
		p.failed(text)
	}
	return true
}

// unexpectedOf reads the console of Chrome, or the error of a library that does not say the URL.
func (p *paste) unexpectedOf(e *pasted, text string) bool {
	var m, status []string
	if strings.Contains(text, "WebSocket connection to ") {
		m = p.patterns.failed.FindStringSubmatch(text)
	}
	if strings.Contains(text, "esponse") || strings.Contains(text, "andshake") || strings.Contains(text, "rejected") {
		status = p.patterns.unexpected.FindStringSubmatch(text)
	}
	if m != nil {
		e.url = m[1]
	}
	if status != nil {
		n, _ := strconv.Atoi(status[1]) // it is three digits
		e.response.status = float64(n)
	}
	return m != nil || status != nil
}

// network reads a request in the console of Firefox.
func (p *paste) network(e *pasted, text string) bool {
	if !strings.HasSuffix(text, "]") {
		return false
	}
	m := p.patterns.network.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	n, _ := strconv.Atoi(m[3])
	e.url, e.response.version, e.response.status, e.response.reason = m[1], m[2], float64(n), m[4]
	return n >= 100
}
