package lab

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// A fault is one thing a backend does wrong at a handshake; all else it does right.
type fault struct {
	name, about string
	answer      answer
}

// faults are the faults that a backend may have, the most careless first.
func faults() []fault {
	return []fault{
		{"switches-on-anything", "switches to whatever Upgrade names, without a look at anything else", switchOnAnything},
		{"any-method", "switches on methods other than GET", leavingOut(checkMethod)},
		{"http10", "switches in HTTP/1.0", leavingOut(checkHTTP11)},
		{"no-host", "switches without a Host", leavingOut(checkHost)},
		{"two-hosts", "switches with two Hosts", leavingOut(checkOneHost)},
		{"ignores-connection", "switches without a look at Connection", leavingOut(checkConnection | checkOption)},
		{"connection-substring", "takes no-upgrade in Connection for upgrade", leavingOut(checkOption)},
		{"no-key", "switches without Sec-WebSocket-Key", leavingOut(checkKey)},
		{"two-keys", "switches with two keys", leavingOut(checkOneKey)},
		{"any-key", "switches with a key that is not 16 bytes in base64", leavingOut(checkKeyForm)},
		{"any-version", "switches whatever Sec-WebSocket-Version says", leavingOut(checkVersion)},
		{"any-origin", "switches for pages of other hosts", leavingOut(checkOrigin)},
		{"content-as-frames", "switches before the content of the request and reads that as frames", leavingOut(checkContent)},
		{"unoffered-protocol", "switches to foo where websocket was offered", answering(switchToFoo)},
		{"wrong-accept", "proves its 101 with the Accept of another key", answering(acceptAnotherKey)},
		{"bare-101", "switches without Upgrade and Connection in the 101", answering(switchWithoutFields)},
		{"unsolicited-101", "switches on a GET that asks for no upgrade, at any path", switchUnasked},
		{"http-after-101", "sends an HTTP response into the tunnel", answering(respondInTunnel)},
		{"bare-426", "refuses a version with a 426 that says neither what nor how", refuseBarely},
		{"hangs", "never answers a request with Upgrade", hang},
	}
}

// backend has the fault at the usual paths.
func (f fault) backend() Backend {
	b := Backend{Name: f.name, About: f.about, Paths: []string{"/chat", "/echo"}, routes: make(map[string]answer)}
	if f.name == "unsolicited-101" {
		b.Paths = append(b.Paths, "/", "/api/items")
	}
	for _, path := range b.Paths {
		b.routes[path] = f.answer
	}
	return b
}

// unsoundComposite has every fault under its name, and switches on anything at the usual paths.
func unsoundComposite() Backend {
	b := Backend{
		Name: "unsound", About: "every unsound backend under its name, switches-on-anything at /chat and /echo",
		Paths:  []string{"/chat", "/echo"},
		routes: map[string]answer{"/chat": switchOnAnything, "/echo": switchOnAnything},
	}
	for _, f := range faults() {
		b.Paths = append(b.Paths, "/"+f.name)
		b.routes["/"+f.name] = f.answer
	}
	return b
}

// leavingOut answers handshakes as it should but for the checks that are left out.
func leavingOut(checks check) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, checks); no != nil {
			return p.reply(r, no)
		}
		return p.switchTo(switchHead("Upgrade: websocket", "Connection: Upgrade", acceptLine(r)))
	}
}

// answering answers sound handshakes with what head makes of them, and refuses all others as it should.
func answering(head func(*http.Request) string) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, 0); no != nil {
			return p.reply(r, no)
		}
		return p.switchTo(head(r))
	}
}

// switchTo sends a 101 and speaks WebSocket behind it, to the end of the connection.
func (p *peer) switchTo(head string) (again bool) {
	if p.write(head) {
		echoFrames(p.conn, p.br)
	}
	return false
}

// switchHead is a 101 with those field lines.
func switchHead(lines ...string) string {
	return "HTTP/1.1 101 Switching Protocols\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// acceptLine is the field line that answers the key, or the want of one, as libraries do that do not look.
func acceptLine(r *http.Request) string {
	return "Sec-WebSocket-Accept: " + acceptFor(r.Header.Get("Sec-WebSocket-Key"))
}

// switchOnAnything names the first protocol that Upgrade names, speaks WebSocket if that is it, and else echoes bytes.
func switchOnAnything(p *peer, r *http.Request) bool {
	protocol, _, _ := strings.Cut(strings.TrimLeft(strings.Join(r.Header["Upgrade"], ","), ", \t"), ",")
	protocol = strings.TrimRight(protocol, " \t")
	switch {
	case protocol == "":
		return p.reply(r, refuse(r, 0))
	case lower(protocol) == "websocket":
		return p.switchTo(switchHead("Upgrade: "+protocol, "Connection: Upgrade", acceptLine(r)))
	case p.write(switchHead("Upgrade: "+protocol, "Connection: Upgrade")):
		echoBytes(p.conn, p.br)
	}
	return false
}

func switchToFoo(r *http.Request) string {
	return switchHead("Upgrade: foo", "Connection: Upgrade", acceptLine(r))
}

func acceptAnotherKey(*http.Request) string {
	return switchHead("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: "+acceptFor("another key"))
}

func switchWithoutFields(r *http.Request) string { return switchHead(acceptLine(r)) }

func respondInTunnel(r *http.Request) string {
	return switchHead("Upgrade: websocket", "Connection: Upgrade", acceptLine(r)) +
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
}

func switchUnasked(p *peer, r *http.Request) bool {
	if r.Method == http.MethodGet && r.ProtoMinor > 0 && len(r.Header["Upgrade"]) == 0 {
		return p.switchTo(switchHead("Upgrade: websocket", "Connection: Upgrade", acceptLine(r)))
	}
	return leavingOut(0)(p, r)
}

func refuseBarely(p *peer, r *http.Request) bool {
	if refuse(r, checkVersion) == nil && refuse(r, 0) != nil {
		return p.reply(r, &reply{status: http.StatusUpgradeRequired})
	}
	return leavingOut(0)(p, r)
}

func hang(p *peer, r *http.Request) bool {
	if len(r.Header["Upgrade"]) == 0 {
		return p.reply(r, refuse(r, 0))
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
	_, _ = io.Copy(io.Discard, p.br)
	return false
}
