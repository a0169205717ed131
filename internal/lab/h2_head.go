package lab

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2Flaw is something wrong with a request. A fault overlooks some.
type h2Flaw uint

const (
	// These make a request malformed (RFC 9113 §8.1.1).
	flawSyntax  h2Flaw = 1 << iota // a name or value that HTTP/2 does not allow (§8.2.1)
	flawHop                        // a header that belongs to a connection (§8.2.2)
	flawPseudo                     // an unknown, repeated or late pseudo-header (§8.3)
	flawMissing                    // no scheme or path, or one that is none (§8.3.1, RFC 8441 §4)
	flawMethod                     // a protocol beside another method than CONNECT
	flawPlain                      // a CONNECT without a protocol, but with scheme or path (§8.5)

	// These are rejected with a status.
	flawLogin     // no login at the path that demands one
	flawProtocol  // another protocol than websocket
	flawScheme    // not http, as the connection is in plain text
	flawAuthority // user information in the authority, or another Host
	flawEnd       // a CONNECT that ends the stream
	flawContent   // a CONNECT with a Content-Length

	malformedH2 = flawSyntax | flawHop | flawPseudo | flawMissing | flawMethod | flawPlain
)

// An h2Head is a decoded field block.
type h2Head struct {
	pseudo  map[string]string
	names   []string // of the pseudo-headers, in order
	fields  [][2]string
	flaws   h2Flaw
	size    int
	tooMuch bool // it is over the limit, and not kept completely
}

// take adds a field to the head at hand.
func (c *h2Conn) take(f hpack.HeaderField) {
	h := c.head
	if h.size += int(f.Size()); h.size > maxHead {
		h.tooMuch = true
		c.decoder.SetEmitEnabled(false) // the table goes on
		return
	}
	if !validH2Value(f.Value) {
		h.flaws |= flawSyntax
	}
	if !strings.HasPrefix(f.Name, ":") {
		h.takeField(f.Name, f.Value)
		return
	}
	known := slices.Contains([]string{":method", ":scheme", ":authority", ":path", ":protocol"}, f.Name)
	if _, again := h.pseudo[f.Name]; again || !known || len(h.fields) > 0 {
		h.flaws |= flawPseudo
		if again {
			return
		}
	}
	h.pseudo[f.Name] = f.Value
	h.names = append(h.names, f.Name)
}

func (h *h2Head) takeField(name, value string) {
	if !httpguts.ValidHeaderFieldName(name) || lower(name) != name {
		h.flaws |= flawSyntax
	}
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		h.flaws |= flawHop
	case "te":
		if value != "trailers" {
			h.flaws |= flawHop
		}
	case "content-length":
		if n, err := strconv.ParseUint(value, 10, 63); err != nil || h.has(name) && strconv.FormatUint(n, 10) != h.get(name) {
			h.flaws |= flawSyntax
		}
	}
	h.fields = append(h.fields, [2]string{name, value})
}

// validH2Value reports whether HTTP/2 allows a header value (RFC 9113 §8.2.1).
func validH2Value(v string) bool {
	return !strings.ContainsAny(v, "\x00\r\n") && strings.Trim(v, " \t") == v
}

func (h *h2Head) get(name string) string {
	for _, f := range h.fields {
		if f[0] == name {
			return f[1]
		}
	}
	return ""
}

func (h *h2Head) has(name string) bool {
	return slices.ContainsFunc(h.fields, func(f [2]string) bool { return f[0] == name })
}

// url returns the host and path of a URL in :path; empty if that is a path.
func (h *h2Head) url() (host, path string) {
	host, path, _ = strings.Cut(strings.TrimPrefix(h.pseudo[":path"], "http://"), "/")
	if !strings.HasPrefix(h.pseudo[":path"], "http://") {
		return "", ""
	}
	return host, "/" + path
}

// length returns the announced length of the content, or -1.
func (h *h2Head) length() int64 {
	if n, err := strconv.ParseInt(h.get("content-length"), 10, 64); err == nil {
		return n
	}
	return -1
}

// judge finds the flaws of the pseudo-headers together.
func (h *h2Head) judge() {
	method, path := h.pseudo[":method"], h.pseudo[":path"]
	_, hasProtocol := h.pseudo[":protocol"]
	_, hasScheme := h.pseudo[":scheme"]
	_, hasPath := h.pseudo[":path"]
	plain := method == "CONNECT" && !hasProtocol
	switch {
	case plain && (hasScheme || hasPath):
		h.flaws |= flawPlain
	case plain && h.pseudo[":authority"] == "":
		h.flaws |= flawMissing
	case !plain && (h.pseudo[":scheme"] == "" || !strings.HasPrefix(path, "/") && path != "*"):
		h.flaws |= flawMissing
	}
	if strings.ContainsAny(path, " \t") || !httpguts.ValidHeaderFieldName(method) {
		h.flaws |= flawSyntax
	}
	if hasProtocol && method != "CONNECT" {
		h.flaws |= flawMethod
	}
	if hasProtocol && h.pseudo[":protocol"] == "" {
		h.flaws |= flawSyntax
	}
	if h.pseudo[":authority"] == "" && !h.has("host") {
		h.flaws |= flawMissing
	}
	if h.pseudo[":scheme"] != "http" && hasScheme {
		h.flaws |= flawScheme
	}
	host, authority := h.get("host"), h.pseudo[":authority"]
	if strings.Contains(authority, "@") || authority != "" && h.has("host") && lower(host) != lower(authority) {
		h.flaws |= flawAuthority
	}
}

// fragment takes a part of a field block.
func (c *h2Conn) fragment(b []byte, last bool) {
	c.fragments++
	if len(c.block)+len(b) > maxHead || c.fragments > h2Fragments {
		c.abort(http2.ErrCodeEnhanceYourCalm)
		return
	}
	c.block = append(c.block, b...)
	if !last {
		return
	}
	id, head := c.blockOf, &h2Head{pseudo: map[string]string{}}
	c.blockOf, c.head = 0, head
	c.decoder.SetEmitEnabled(true)
	if c.decode(c.block) != nil || c.decoder.Close() != nil {
		c.abort(http2.ErrCodeCompression)
		return
	}
	if cap(c.block) > h2Frame {
		c.block = nil
	}
	if c.blockDepends {
		head.flaws |= flawSyntax
	}
	c.headers(id, head)
}

// decode reads a block to its end also if the request is malformed: the table must stay the same
// as the client's (RFC 7541 §2.2, RFC 9113 §4.3).
func (c *h2Conn) decode(block []byte) error {
	if !c.manner.stopsAtFlaw {
		_, err := c.decoder.Write(block)
		return err
	}
	for i := range block {
		if _, err := c.decoder.Write(block[i : i+1]); err != nil || c.head.flaws&malformedH2 != 0 {
			return err
		}
	}
	return nil
}

// headers takes a complete block.
func (c *h2Conn) headers(id uint32, head *h2Head) {
	switch s := c.streams[id]; {
	case s != nil:
		c.trailers(s, head)
	case id%2 == 0:
		c.abort(http2.ErrCodeProtocol)
	case id > c.last:
		c.last = id
		c.begin(id, head)
	case c.recent[id] == h2EndedByReset:
	case c.recent[id] == h2EndedAlready:
		c.abort(http2.ErrCodeStreamClosed)
	default:
		c.abort(http2.ErrCodeProtocol)
	}
}

// trailers takes a block that does not begin its stream.
func (c *h2Conn) trailers(s *h2Stream, head *h2Head) {
	switch {
	case s.heEnded:
		c.reset(s.id, http2.ErrCodeStreamClosed)
	case s.tunnel != nil && c.manner.trailersKill:
		c.abort(http2.ErrCodeProtocol)
	case s.tunnel != nil || !c.blockEnds || len(head.names) > 0 || head.flaws&malformedH2 != 0 ||
		s.length >= 0 && s.came != s.length:
		c.reset(s.id, http2.ErrCodeProtocol)
	default:
		s.heEnded = true
		if s.request != nil {
			c.respond(s)
		}
		c.settle(s)
	}
}
