package lab

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A fault is the one thing that a backend does wrong.
type fault struct {
	name, about string
	answer      answer
	repair      func(head string) string // as in Backend
}

// faults returns the faults of backends: in handshakes, the most careless first; in the comparison
// of origins; in naming users; in heads; in the negotiation; after the response; and in frames.
func faults() []fault {
	return slices.Concat(handshakeFaults(), originFaults(), identityFaults(), headFaults(), answerFaults(), frameFaults())
}

func handshakeFaults() []fault {
	return []fault{
		{name: "switches-on-anything", about: "switches to whatever Upgrade names, without a look at anything else", answer: switchOnAnything},
		{name: "any-method", about: "switches on methods other than GET", answer: leavingOut(checkMethod)},
		{name: "http10", about: "switches in HTTP/1.0", answer: leavingOut(checkHTTP11)},
		{name: "no-host", about: "switches without a Host", answer: leavingOut(checkHost)},
		{name: "two-hosts", about: "switches with two Hosts", answer: leavingOut(checkOneHost)},
		{name: "ignores-upgrade", about: "switches without a look at Upgrade", answer: leavingOut(checkUpgrade | checkProtocol)},
		{name: "upgrade-substring", about: "takes not-websocket in Upgrade for websocket", answer: leavingOut(checkProtocol)},
		{name: "unicode-case", about: "folds the case of Upgrade as Unicode does, a Kelvin sign to k", answer: foldOffer},
		{name: "ignores-connection", about: "switches without a look at Connection", answer: leavingOut(checkConnection | checkOption)},
		{name: "connection-substring", about: "takes no-upgrade in Connection for upgrade", answer: leavingOut(checkOption)},
		{name: "no-key", about: "switches without Sec-WebSocket-Key", answer: leavingOut(checkKey)},
		{name: "two-keys", about: "switches with two keys", answer: leavingOut(checkOneKey)},
		{name: "any-key", about: "switches with a key that is not 16 bytes in base64", answer: leavingOut(checkKeyForm)},
		{name: "any-version", about: "switches whatever Sec-WebSocket-Version says", answer: leavingOut(checkVersion)},
		{name: "any-origin", about: "switches for pages of other hosts", answer: leavingOut(checkOrigin)},
		{name: "login-beside-upgrade", about: "demands a login at /chat, and not of the handshakes there", answer: behindLogin(offersAtChat)},
		{name: "login-skipped-by-offer", about: "demands no login of a request with an offer, at any path", answer: behindLogin(hasOffer)},
		{name: "content-as-frames", about: "switches before the content of the request and reads that as frames", answer: leavingOut(checkContent)},
		{name: "unsolicited-101", about: "switches on a GET that asks for no upgrade, at any path", answer: switchUnasked},
		{name: "udp-by-post", about: "switches to connect-udp on methods other than GET", answer: proxyUDP},
	}
}

func headFaults() []fault {
	sound := leavingOut(0)
	return []fault{
		{name: "any-http-version", about: "takes any version of HTTP for 1.1, and none too", answer: sound, repair: assumeHTTP11},
		{name: "any-target", about: "switches on a target that names no path", answer: sound, repair: assumeChat},
		{name: "breaks-at-cr", about: "takes a CR alone for the end of a line", answer: sound, repair: breakAtCR},
		{name: "space-before-colon", about: "takes white space between a field name and its colon", answer: sound, repair: trimNames},
		{name: "leading-space", about: "takes white space in front of a field name", answer: sound, repair: trimLines},
		{name: "skips-bad-lines", about: "skips lines that are not headers", answer: sound, repair: skipLines},
		{name: "drops-control-bytes", about: "leaves control bytes out of what it reads", answer: sound, repair: dropControls},
		{name: "underscores", about: "takes Sec_WebSocket_Key for Sec-WebSocket-Key", answer: sound, repair: dashNames},
		{name: "ambiguous-content", about: "reads content first, and chooses where its length is ambiguous", answer: readContentFirst, repair: chooseLength},
	}
}

func answerFaults() []fault {
	return []fault{
		{name: "unoffered-protocol", about: "switches to foo where websocket was offered", answer: answering(switchToFoo)},
		{name: "wrong-accept", about: "proves its 101 with the Accept of another key", answer: answering(acceptAnotherKey)},
		{name: "bare-101", about: "switches without Upgrade and Connection in the 101", answer: answering(switchWithoutFields)},
		{name: "length-in-101", about: "says Content-Length: 0 in the 101", answer: answering(adding(func(*http.Request) string { return "Content-Length: 0" }))},
		{name: "unoffered-subprotocol", about: "agrees to a subprotocol that the client did not offer", answer: answering(adding(func(*http.Request) string { return "Sec-WebSocket-Protocol: superchat" }))},
		{name: "unoffered-extension", about: "agrees to permessage-deflate without a look at the offer", answer: answering(adding(func(*http.Request) string { return "Sec-WebSocket-Extensions: permessage-deflate" }))},
		{name: "echoes-extensions", about: "agrees to extensions in the words of the offer", answer: answering(adding(echoExtensions))},
		{name: "http-after-101", about: "sends an HTTP response into the tunnel", answer: answering(respondInTunnel)},
		{name: "answers-in-tunnel", about: "answers HTTP requests after the 101", answer: answerInTunnel},
		{name: "takes-unmasked", about: "takes frames without a mask", answer: takeUnmasked},
		{name: "page-for-bad-host", about: "answers with a page where the Host is missing, malformed or there twice", answer: welcome},
		{name: "bare-426", about: "refuses a version with a 426 that says neither what nor how", answer: refuseBarely},
		{name: "overtakes", about: "answers a handshake before the request in front of it", answer: overtake},
		{name: "loses-content", about: "ignores an offer and the content of the request with it", answer: loseContent},
		{name: "hangs", about: "never answers a request with Upgrade", answer: hang},
	}
}

// backend has the fault at the usual paths.
func (f fault) backend() Backend {
	b := Backend{
		Name: f.name, About: f.about, Hostile: f.name == "hangs", Paths: []string{"/chat", "/echo"},
		routes: make(map[string]answer), repair: f.repair,
	}
	switch f.name {
	case "unsolicited-101":
		b.Paths = append(b.Paths, "/", "/api/items")
	case "login-beside-upgrade", "login-skipped-by-offer":
		b.Paths = append(b.Paths, "/admin")
	case "overtakes":
		b.Paths = append(b.Paths, "/interlock-canary")
	case "udp-by-post":
		b.Paths = append(b.Paths, "/.well-known/masque/udp/192.0.2.6/443/")
	}
	for _, path := range b.Paths {
		b.routes[path] = f.answer
	}
	return b
}

// unsoundComposite serves every fault under its name, except faults in reading heads. At the usual
// paths it accepts every upgrade.
func unsoundComposite() Backend {
	b := Backend{
		Name: "unsound", About: "unsound backends under their names, switches-on-anything at /chat and /echo",
		Paths:  []string{"/chat", "/echo"},
		routes: map[string]answer{"/chat": switchOnAnything, "/echo": switchOnAnything},
	}
	for _, f := range faults() {
		if f.repair == nil {
			b.Paths = append(b.Paths, "/"+f.name)
			b.routes["/"+f.name] = f.answer
		}
	}
	return b
}

// leavingOut answers handshakes correctly except for the checks that it leaves out.
func leavingOut(checks check) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, checks); no != nil {
			return p.reply(r, no)
		}
		return p.switchTo(soundSwitch(r))
	}
}

// answering answers valid handshakes with the result of head, and rejects all others correctly.
func answering(head func(*http.Request) string) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, 0); no != nil {
			return p.reply(r, no)
		}
		return p.switchTo(head(r))
	}
}

// switchHead returns a 101 with those header lines.
func switchHead(lines ...string) string {
	return "HTTP/1.1 101 Switching Protocols\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// acceptLine returns the Sec-WebSocket-Accept line for the key. Without a key it returns a line all
// the same, as libraries do that do not check.
func acceptLine(r *http.Request) string {
	return "Sec-WebSocket-Accept: " + acceptFor(r.Header.Get("Sec-WebSocket-Key"))
}

// switchOnAnything switches to the first protocol in Upgrade. It speaks WebSocket if that is it,
// and otherwise echoes bytes.
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

// adding returns a valid 101 with one more header, unless that header is empty.
func adding(line func(*http.Request) string) func(*http.Request) string {
	return func(r *http.Request) string {
		if more := line(r); more != "" {
			return switchHead("Upgrade: websocket", "Connection: Upgrade", acceptLine(r), more)
		}
		return soundSwitch(r)
	}
}

func echoExtensions(r *http.Request) string {
	if offers := r.Header.Values("Sec-WebSocket-Extensions"); len(offers) > 0 {
		return "Sec-WebSocket-Extensions: " + strings.Join(offers, ", ")
	}
	return ""
}

// foldOffer lowers all letters of Upgrade before it compares them.
func foldOffer(p *peer, r *http.Request) bool {
	for i, value := range r.Header["Upgrade"] {
		r.Header["Upgrade"][i] = strings.ToLower(value)
	}
	return leavingOut(0)(p, r)
}

// proxyUDP accepts an offer of connect-udp (RFC 9298 §3.2) with any method, and drops the packets.
func proxyUDP(p *peer, r *http.Request) bool {
	if !offers(r, "connect-udp") || r.ProtoMinor < 1 || hasContent(r) || len(r.Header["Host"]) != 1 {
		return leavingOut(0)(p, r)
	}
	if p.write(switchHead("Upgrade: connect-udp", "Connection: Upgrade", "Capsule-Protocol: ?1")) {
		_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
		_, _ = io.Copy(io.Discard, p.br)
	}
	return false
}

// welcome serves a page to requests whose Host must be rejected.
func welcome(p *peer, r *http.Request) bool {
	if refuse(r, checkHost|checkOneHost) == nil && refuse(r, 0) != nil {
		return p.reply(r, &reply{status: http.StatusOK, text: "points\n"})
	}
	return leavingOut(0)(p, r)
}

func switchUnasked(p *peer, r *http.Request) bool {
	if r.Method == http.MethodGet && r.ProtoMinor > 0 && len(r.Header["Upgrade"]) == 0 {
		return p.switchTo(soundSwitch(r))
	}
	return leavingOut(0)(p, r)
}

func refuseBarely(p *peer, r *http.Request) bool {
	if refuse(r, checkVersion) == nil && refuse(r, 0) != nil {
		return p.reply(r, &reply{status: http.StatusUpgradeRequired})
	}
	return leavingOut(0)(p, r)
}

// overtake accepts a valid handshake that follows another request, and never answers that request.
func overtake(p *peer, r *http.Request) bool {
	if len(r.Header["Upgrade"]) > 0 {
		return leavingOut(0)(p, r)
	}
	if p.br.Buffered() > 0 {
		if next, err := p.next(nil); err == nil && refuse(next, 0) == nil {
			return p.switchTo(soundSwitch(next))
		}
	}
	return p.reply(r, page(r))
}

func hang(p *peer, r *http.Request) bool {
	if len(r.Header["Upgrade"]) == 0 {
		return p.reply(r, refuse(r, 0))
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
	_, _ = io.Copy(io.Discard, p.br)
	return false
}
