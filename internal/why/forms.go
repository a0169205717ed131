package why

import (
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A form is a request and its name.
type form struct {
	what  string // "Handshake", "Firefox"
	h     *rules.Handshake
	http2 bool // it is sent in HTTP/2
}

// in1 is the form in HTTP/1.1.
func (f form) in1() form { return f }

// in2 is the form in HTTP/2.
func (f form) in2() form { return form{f.what + inHTTP2, f.h, true} }

// inHTTP2 is the end of the names of forms in HTTP/2.
const inHTTP2 = " in HTTP/2"

// once is the form once more.
func (f form) once() form { return form{f.what + " once more", f.h, f.http2} }

// request is the form as it is sent. In HTTP/2 a handshake is an extended CONNECT without the headers that only
// HTTP/1.1 has, and a GET for / follows on the connection, which shows what became of it.
func (f form) request() *rules.Handshake {
	if !f.http2 {
		return f.h
	}
	h := f.h.Clone()
	if _, ok := f.value("Sec-WebSocket-Version"); !ok {
		rules.Plain2()(h)
		h.Stream.Next = nil
		return h
	}
	rules.Extended()(h)
	if _, ok := f.value("Origin"); !ok {
		rules.NoField("origin")(h)
	}
	return h
}

// success is the status of a handshake that is accepted.
func (f form) success() string {
	if f.http2 {
		return "200"
	}
	return "101"
}

// someKey is replaced by a fresh one in each request.
const someKey = "AAAAAAAAAAAAAAAAAAAAAA=="

// request builds a request from headers and those of the user, which replace others of their name.
func (w *walker) request(what string, lines ...string) form {
	h := rules.NewHandshake(w.target.Scheme, w.target.Host, w.target.Path, someKey)
	h.Lines = h.Lines[:0]
	for i := 0; i < len(lines); i += 2 {
		h.Lines = append(h.Lines, rules.Line{Name: lines[i], Gap: ": ", Value: lines[i+1], End: "\r\n"})
	}
	probe.SetFields(h, w.target.Fields)
	return form{what: what, h: h}
}

// get is a request for a page, without an offer.
func (w *walker) get() form {
	f := w.request("GET", w.signed("Host", w.target.Host, "Accept", "*/*")...)
	rules.Without("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")(f.h)
	return f
}

// plain is the handshake with nothing that RFC 6455 §4.1 does not require, and the name of the
// program.
func (w *walker) plain() form {
	return w.request("Handshake", w.signed(
		"Host", w.target.Host, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Key", someKey, "Sec-WebSocket-Version", "13")...)
}

func (w *walker) signed(lines ...string) []string {
	if w.settings.UserAgent != "" {
		lines = append(lines, "User-Agent", w.settings.UserAgent)
	}
	return lines
}

// chrome is the handshake as Chrome sends it from a page on the same host.
func (w *walker) chrome() form {
	return w.request("Chrome",
		"Host", w.target.Host, "Connection", "Upgrade", "Pragma", "no-cache", "Cache-Control", "no-cache",
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Upgrade", "websocket", "Origin", w.target.origin(), "Sec-WebSocket-Version", "13",
		"Accept-Encoding", "gzip, deflate, br, zstd", "Accept-Language", "en-US,en;q=0.9", "Sec-WebSocket-Key", someKey,
		"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
}

// firefox is the handshake as Firefox sends it from a page on the same host.
func (w *walker) firefox() form {
	return w.request("Firefox",
		"Host", w.target.Host, "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
		"Accept", "*/*", "Accept-Language", "en-US,en;q=0.5", "Accept-Encoding", "gzip, deflate, br, zstd",
		"Sec-WebSocket-Version", "13", "Origin", w.target.origin(), "Sec-WebSocket-Extensions", "permessage-deflate",
		"Sec-WebSocket-Key", someKey, "Connection", "keep-alive, Upgrade",
		"Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "websocket", "Sec-Fetch-Site", "same-origin",
		"Pragma", "no-cache", "Cache-Control", "no-cache", "Upgrade", "websocket")
}

// at is a form for another path.
func (f form) at(what, path string) form {
	h := f.h.Clone()
	h.Path, h.Target = path, path
	return form{what, h, f.http2}
}

// value is the value of a header of the form; ok reports whether it has one.
func (f form) value(name string) (value string, ok bool) {
	for _, l := range f.h.Lines {
		if wire.EqualFold(l.Name, name) {
			return l.Value, true
		}
	}
	return "", false
}

// as is the form with some headers as another form has them, or without them if it does not.
func (f form) as(what string, other form, headers []string) form {
	h := f.h.Clone()
	for _, name := range headers {
		if value, ok := other.value(name); ok {
			rules.Set(name, value)(h)
		} else {
			rules.Without(name)(h)
		}
	}
	return form{what, h, f.http2}
}

// groups are the headers in which handshakes of clients differ, those first that matter most often.
// The headers of a group are changed together.
func groups() [][]string {
	return [][]string{
		{"Origin"}, {"Connection"}, {"Sec-WebSocket-Extensions"}, {"User-Agent"}, {"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site"},
		{"Accept-Encoding", "Accept-Language", "Accept"}, {"Cache-Control", "Pragma"},
	}
}

// differences are the groups in which two forms differ.
func differences(a, b form) (all [][]string) {
	for _, names := range groups() {
		if a.http2 && names[0] == "Connection" {
			continue // it is not sent
		}
		for _, name := range names {
			x, inA := a.value(name)
			y, inB := b.value(name)
			if x != y || inA != inB {
				all = append(all, names)
				break
			}
		}
	}
	return all
}
