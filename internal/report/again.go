package report

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Recipe is how the request of a ruling is sent again. Secrets in it are redacted as everywhere.
// The commands end by themselves shortly after the answer. Each is a list of words to be joined
// with spaces; see [Continued].
type Recipe struct {
	Shell []string // sends the same bytes with the same pauses, without Interlock; nil if there is no request
	Curl  []string // sends the same header lines with curl; nil where curl cannot send this request
	Probe string   // sends the same request with Interlock, from any system; empty unless it is one of a probe, or in HTTP/2 and stored
	Notes []string // placeholders to fill in, and parts that were not recorded
}

// maxSentAgain is how many bytes the request of a probe may have, with all that follows it, to be
// sent by a shell: a head of the longest kind fits.
const maxSentAgain = 128 << 10

// Again returns the exact command of a ruling's recipe in one line, or that with Interlock where only
// Interlock can send it again. It is empty if there is no request.
func Again(r *rules.Ruling) string { return NewRecipe(r).again() }

func (a Recipe) again() string {
	if a.Shell == nil {
		return a.Probe
	}
	return strings.Join(a.Shell, " ")
}

// NewRecipe is the recipe of a ruling.
func NewRecipe(r *rules.Ruling) Recipe {
	s := r.Evidence()
	if len(s.Request) == 0 {
		return Recipe{}
	}
	to := server(r)
	if r.X.Request.HTTP2() {
		if r.X.Origin == wire.OriginChain {
			return Recipe{Probe: chainCommand(r, &to, nil)} // all headers are those of the probe
		}
		if text := probeCommand(r, &to, s.Request); text != "" {
			return Recipe{Probe: text, Notes: notes(r, &s, &rules.Handshake{})}
		}
		if r.X.ID == "" || r.X.Origin == wire.OriginFile {
			return Recipe{Notes: []string{"the request was sent in HTTP/2: no command sends it as it was"}}
		}
		return Recipe{Probe: replayCommand(r.X.ID), Notes: []string{"the request was sent in HTTP/2: replay takes it from the store"}}
	}
	h := handshakeOf(r.X)
	if r.X.Origin == wire.OriginChain { // the backend must answer as the probe needs it
		return Recipe{Probe: chainCommand(r, &to, ownHeaders(r.X.Probe, s.Request)), Notes: notes(r, &s, h)}
	}
	steps := sent(r, &s, h)
	a := Recipe{Probe: probeCommand(r, &to, s.Request), Notes: notes(r, &s, h)}
	if n := len(strings.Join(steps, "")); n > maxSentAgain && a.Probe != "" {
		a.Notes = append(a.Notes, fmt.Sprintf("a command without interlock would have to hold %d bytes", n))
		return a
	}
	a.Shell = shell(steps, &to)
	if len(steps) == 1 && steps[0] == string(s.Request) && len(a.Notes) == 0 {
		a.Curl = curl(string(s.Request), &to)
	}
	return a
}

// handshakeOf returns how the probe of an exchange changes the valid handshake, or the zero value
// if no probe sent the request. Its head is not that of the exchange.
func handshakeOf(x *wire.Exchange) *rules.Handshake {
	q := rules.FindProbe(x.Probe)
	if q == nil || x.Origin != wire.OriginProbe {
		return &rules.Handshake{}
	}
	host, ok := x.Request.Value("Host")
	if !ok || host == "" {
		host = x.Backend
	}
	path := x.Aim
	if path == "" {
		path = "/"
	}
	key, _ := x.Request.Value("Sec-WebSocket-Key")
	return q.On(rules.NewHandshake(map[bool]string{true: "https", false: "http"}[x.BackendTLS], host, path, key))
}

// sent returns the bytes of the client, split where it paused.
func sent(r *rules.Ruling, s *rules.Evidence, h *rules.Handshake) (steps []string) {
	first := h.Ahead + string(s.Request)
	if h.Hold == rules.HoldNothing {
		first += h.Content
	}
	first += h.Early
	if h.Split > 0 && h.Split < len(first) {
		steps = append(steps, first[:h.Split])
		first = first[h.Split:]
	}
	steps = append(steps, first)
	if h.Hold == rules.HoldUntil100 && h.Content != "" {
		steps = append(steps, h.Content)
	}
	if later := later(r, s, h); later != "" {
		steps = append(steps, later)
	}
	return steps
}

// later returns the client's bytes after the switch, if the findings concern them.
func later(r *rules.Ruling, s *rules.Evidence, h *rules.Handshake) string {
	if r.X.Outcome != wire.Switched {
		return ""
	}
	if h.After != "" {
		return h.After
	}
	about := func(f rules.Finding) bool {
		return f.Verdict < rules.Pass && (marks(f.Spans, rules.FromServer) || marks(f.Spans, rules.FromClient))
	}
	if !slices.ContainsFunc(r.Findings, about) {
		return ""
	}
	return strings.TrimPrefix(string(s.Client), h.Early)
}

// notes lists the placeholders of the command, and what cannot be sent again because it was not
// recorded.
func notes(r *rules.Ruling, s *rules.Evidence, h *rules.Handshake) (all []string) {
	var redacted []string
	for _, name := range s.Redacted {
		if parameter, ok := strings.CutPrefix(name, "?"); ok {
			name = "the parameter " + parameter
		}
		if name = printed.ASCII(name); !slices.Contains(redacted, name) {
			redacted = append(redacted, name)
		}
	}
	if len(redacted) > 0 {
		all = append(all, "redacted: "+strings.Join(redacted, ", ")+"; replace the asterisks with the real value")
	}
	k := r.X.Request.RequestFraming().Kind
	if r.X.Origin != wire.OriginProbe && h.Content == "" && (k == wire.FramedByLength || k == wire.FramedByChunks) {
		all = append(all, "the request body was not recorded and is not sent")
	}
	return all
}

// A place is where a request goes.
type place struct {
	host, port string // HOST and PORT where that is not known
	path       string // of a unix socket; else empty
	name       string // that the Host header has, without a port; empty where that is not a DNS name
	hostHeader string // the Host header, where it can be written in a URL; else empty
	tls        bool
}

// harmless matches words that a shell leaves as they are, and hosts.
var harmless = regexp.MustCompile(`^[0-9A-Za-z][-.0-9A-Za-z]*$|^[0-9A-Fa-f:.]+$`)

// server is where the request went or, if that is not known, where its Host header says it is for.
func server(r *rules.Ruling) place {
	p := place{host: "HOST", port: "PORT", tls: r.X.BackendTLS}
	field := hostField(r.X)
	value, _ := r.X.Request.Value(field)
	if host, port := cutPort(value, p.tls); r.X.Request.Count(field) == 1 && harmless.MatchString(host) && harmless.MatchString(port) {
		p.hostHeader = value
		if net.ParseIP(host) == nil {
			p.name = host
		}
	}
	address := r.X.Backend
	if address == "" {
		address = value
	}
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		p.path = path
		return p
	}
	host, port := cutPort(address, p.tls)
	if harmless.MatchString(host) && harmless.MatchString(port) && !strings.Contains(port, ":") {
		p.host, p.port = host, port
	}
	return p
}

// cutPort takes an address apart. Without a port it is that of the scheme.
func cutPort(address string, tls bool) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err == nil:
		return host, port
	case tls:
		return address, "443"
	}
	return address, "80"
}

// shell is the command that sends these bytes, with a pause of a second between two steps.
func shell(steps []string, to *place) (words []string) {
	grouped := len(steps) > 1 || to.tls
	if grouped {
		words = append(words, "{")
	}
	for i, step := range steps {
		if i > 0 {
			words = append(words, "sleep 1;")
		}
		words = append(words, "printf '%b'")
		for line := range strings.Lines(step) {
			words = append(words, quoted(line))
		}
		if grouped {
			words[len(words)-1] += ";"
		}
	}
	switch {
	case to.tls && to.path == "":
		secured := "| openssl s_client -quiet -no_ign_eof -connect '" + net.JoinHostPort(to.host, to.port) + "'"
		if to.name != "" {
			secured += " -servername " + to.name
		}
		return append(words, "sleep 2; }", secured)
	case to.tls:
		return append(words, "sleep 2; }", "| openssl s_client -quiet -no_ign_eof -unix "+word(to.path))
	case grouped:
		words = append(words, "}")
	}
	if to.path != "" {
		return append(words, "| nc -w 2 -U "+word(to.path))
	}
	return append(words, "| nc -w 2 "+to.host+" "+to.port)
}

// quoted is bytes as an argument of printf(1) for the directive %b, between single quotation marks.
func quoted(text string) string {
	var s strings.Builder
	s.WriteByte('\'')
	for _, c := range []byte(text) {
		switch {
		case c == '\r':
			s.WriteString(`\r`)
		case c == '\n':
			s.WriteString(`\n`)
		case c < ' ', c > '~', c == '\'', c == '\\':
			fmt.Fprintf(&s, `\0%03o`, c)
		default:
			s.WriteByte(c)
		}
	}
	s.WriteByte('\'')
	return s.String()
}

// word is printable ASCII as one word of a shell.
func word(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(printed.ASCII(text), "'", `'\''`) + "'"
}

// plain is a word that a shell takes as it is.
var plain = regexp.MustCompile(`^[-+,./:=@_0-9A-Za-z]+$`)

// hostField is the name of the header with the host of an exchange. A probe in HTTP/2 may name another
// one there; then it is none.
func hostField(x *wire.Exchange) string {
	if !x.Request.HTTP2() {
		return "Host"
	}
	const host, field = "staging.test", ":authority"
	if q := rules.FindProbe(x.Probe); q != nil {
		changed := wire.ReadRequest([]byte(q.On(rules.NewHandshake("http", host, "/", "")).Head()))
		if value, _ := changed.Value(field); value != host {
			return ""
		}
	}
	return field
}
