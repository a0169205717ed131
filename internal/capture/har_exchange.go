package capture

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// judge counts an entry, and observes its exchange if that concerns upgrades.
func (s *session) judge(e *entry) {
	u := parse(e.request.url)
	if u.scheme == "other" {
		return // no HTTP at all, such as data:
	}
	var x *wire.Exchange
	switch version := e.version(); version {
	case "HTTP/3":
		s.report.HTTP3++
	case "HTTP/2":
		x = s.http2(e, u)
	default:
		x = s.http1(e, u, version)
	}
	if x == nil {
		return
	}
	x.Origin, x.Route, x.Time, x.BodyDone, x.Final, x.Complete = wire.OriginFile, s.Route, e.started, true, true, true
	x.Backend, x.ClientTLS, x.BackendTLS = e.backend(u), u.tls(), u.tls()
	if x.Response != nil {
		x.Took = e.took()
	}
	x.ID = s.newID(e.started)
	s.report.Upgrades++
	s.Observe(x)
}

// http1 makes the exchange of an entry of HTTP/1; nil if it does not concern Upgrade, or is not kept. Where
// the version is not known, it is 1.1.
func (s *session) http1(e *entry, u address, version string) *wire.Exchange {
	assumed := version == ""
	version = cmp.Or(version, "HTTP/1.1")
	q := e.request.requestHead(u, version)
	if q == nil {
		s.report.Damaged++
		return nil
	}
	p := e.response.responseHead(version)
	if p != nil {
		s.counts.Exchanges.Add(1)
	}
	if !concerns(q, p) {
		if e.websocket || u.scheme == "ws" || u.scheme == "wss" {
			s.report.Headless++
		}
		return nil
	}
	x := &wire.Exchange{Request: q, Response: p, Lossy: e.lossy(q, p, assumed), Outcome: wire.Unseen}
	if p != nil {
		x.Outcome = p.Outcome()
		x.After.Opaque = p.Status == 101 // the first bytes of the tunnel are unknown
	}
	return x
}

// concerns reports whether an exchange concerns Upgrade, by the rule of [wire.Conversation].
func concerns(q *wire.Request, p *wire.Response) bool {
	for _, name := range [...]string{"Upgrade", "HTTP2-Settings", "Sec-WebSocket-Key", "Sec-WebSocket-Version"} {
		if q.Has(name) {
			return true
		}
	}
	return p != nil && (p.Status == 101 || p.Status == 426 || p.Has("Upgrade"))
}

// An address holds the parts of a URL that are read.
type address struct {
	scheme    string // http, https, ws, wss; empty: not a URL; or other
	authority string
	target    string
}

func (a address) tls() bool { return a.scheme == "https" || a.scheme == "wss" }

// parse splits a URL. It is lenient: the browser has sent it, and a server has seen it.
func parse(text string) address {
	scheme, rest, ok := strings.Cut(text, ":")
	scheme = strings.ToLower(scheme)
	if !slices.Contains([]string{"http", "https", "ws", "wss"}, scheme) {
		if ok && wire.IsToken(scheme) {
			return address{scheme: "other"}
		}
		return address{}
	}
	rest, ok = strings.CutPrefix(rest, "//")
	rest, _, _ = strings.Cut(rest, "#")
	a := address{scheme: scheme, authority: rest, target: "/"}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		a.authority, a.target = rest[:i], "/"+strings.TrimPrefix(rest[i:], "/")
	}
	a.authority = a.authority[strings.LastIndexByte(a.authority, '@')+1:]
	if !ok || a.authority == "" {
		return address{}
	}
	return a
}

// requestHead builds the head of a request, or returns nil if the entry does not have one.
func (m *message) requestHead(a address, version string) *wire.Request {
	if a.scheme == "" || !wire.IsToken(m.method) || m.bytes > wire.MaxHead {
		return nil
	}
	target := a.target
	if m.method == "CONNECT" {
		target = a.authority
	}
	raw := m.head(m.method + " " + requestTarget(target) + " " + version)
	if len(raw) > wire.MaxHead {
		return nil
	}
	q := wire.ReadRequest(raw)
	q.Flaws = nil // they would be ours, or the recording program's
	return q
}

// responseHead puts the head of a response together; nil if there was none.
func (m *message) responseHead(version string) *wire.Response {
	status := int(m.status)
	if status < 100 || status > 999 || m.bytes > wire.MaxHead {
		return nil
	}
	reason := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, m.reason)
	raw := m.head(version + " " + strconv.Itoa(status) + " " + reason)
	if len(raw) > wire.MaxHead {
		return nil
	}
	p := wire.ReadResponse(raw)
	p.Flaws = nil
	return p
}

// head writes a start line and the fields. Chrome joins field lines of one name by a line feed.
func (m *message) head(start string) []byte {
	b := []byte(start + "\r\n")
	for _, f := range m.fields {
		if f.name == "" || strings.ContainsAny(f.name, ":\r\n") {
			continue
		}
		for value := range strings.SplitSeq(f.value, "\n") {
			b = append(b, f.name+": "+strings.ReplaceAll(value, "\r", "")+"\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// requestTarget returns a target with every byte escaped that would end it.
func requestTarget(target string) string {
	var b strings.Builder
	for i := range len(target) {
		if c := target[i]; c > ' ' && c != 0x7f {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		}
	}
	return b.String()
}

// lossy lists what the entry does not have. No HAR file has the raw bytes, or those after a 101. A
// browser that did not see a head shows the headers that it meant to send: then Host is missing,
// which every request of HTTP/1.1 has.
func (e *entry) lossy(q *wire.Request, p *wire.Response, assumed bool) []string {
	lost := []string{LostBytes}
	provisional := e.request.size <= 0 && !q.Has("Host")
	if provisional {
		lost = append(lost, LostRequest)
	}
	if p != nil && e.response.size <= 0 && (provisional || len(p.Fields) == 0) {
		lost = append(lost, LostResponse)
	}
	if assumed {
		lost = append(lost, LostVersion)
	}
	if p != nil && p.Status == 101 {
		lost = append(lost, LostAftermath)
	}
	if p == nil {
		lost = append(lost, LostEnd)
	}
	return lost
}

// backend is the address of the server.
func (e *entry) backend(a address) string {
	host, port, err := net.SplitHostPort(a.authority)
	if err != nil {
		host, port = strings.Trim(a.authority, "[]"), "80"
		if a.tls() {
			port = "443"
		}
	}
	if ip, err := netip.ParseAddr(strings.Trim(e.server, "[]")); err == nil {
		host = ip.String()
	}
	return net.JoinHostPort(host, port)
}

// took is how long it took until the response head had come.
func (e *entry) took() time.Duration {
	ms := e.total
	if e.waited >= 0 {
		ms = max(e.sent, 0) + e.waited
	}
	if ms < 0 || ms > 1e9 {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}
