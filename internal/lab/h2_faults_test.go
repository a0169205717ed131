package lab

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2Show is what a client does to see a fault, and what it then sees at the correct backend and
// at the faulty one.
type h2Show struct {
	sees          func(c *h2Client) string
	sound, faulty string
}

// asking sees the answer to a head, and to a message if that opens a tunnel.
func asking(end bool, lines []string) func(*h2Client) string {
	return func(c *h2Client) string {
		e := c.ask(1, end, lines)
		switch {
		case e.what[0] == '2' && end:
			return e.what + " " + c.ends(1)
		case e.what[0] == '2' && e.head["content-length"] == "":
			return fmt.Sprintf("%s %q", e.what, c.echoes(1))
		}
		return e.what
	}
}

// h2Shows has what shows each fault.
func h2Shows() map[string]h2Show {
	const malformed, open = "RST PROTOCOL_ERROR", `200 "\x81\x02hi"`
	upgrade := h2Get(":path", "/ws", "connection", "Upgrade", "upgrade", "websocket", "sec-websocket-key", h2Key, "sec-websocket-version", "13")
	return map[string]h2Show{
		"h2-101-raw":           {func(c *h2Client) string { return c.ask(1, true, upgrade).what + c.outside() }, malformed, "101 \x81\x05hello"},
		"h2-101":               {func(c *h2Client) string { c.send(1, true, upgrade); return c.ping() }, malformed + " ", "101 data\x81\x05hello "},
		"h2-tunnels-h2c":       {tunnelledH2C, "501", "200 routes, locks\n"},
		"h2-101-h2c":           {upgradedToH2C, malformed, "101 routes, locks\n"},
		"h2-dials":             {dialled(h2Connect()), "200", "reached"},
		"h2-connects":          {dialled([]string{":method", "CONNECT", ":authority", ""}), "405", "reached"},
		"h2-fetches":           {dialledByPath, malformed, "reached"},
		"h2-any-protocol":      {asking(false, h2Connect(":protocol", "unknown")), "501", `200 "\x81\x82\x124Vxz]"`},
		"h2-first-protocol":    {asking(false, h2Connect(":protocol", "websocket, h2c")), "501", open},
		"h2-page":              {asking(false, h2Connect()), open, "200"},
		"h2-early":             {early, "404, then <>", "404, then <GET /il-smuggled HTTP/1.1>"},
		"h2-desync":            {desynced, "second", "first"},
		"h2-login-skipped":     {asking(false, h2Connect(":path", "/admin")), "401", open},
		"h2-method":            {asking(false, h2Connect(":method", "GET")), malformed, open},
		"h2-plain-connect":     {asking(false, h2Connect("-:protocol", "-:scheme", "-:path")), "405", open},
		"h2-no-path":           {asking(false, h2Connect("-:scheme", "-:path")), malformed, open},
		"h2-any-pseudo":        {asking(false, append([]string{":protocol", "websocket"}, h2Connect()...)), malformed, open},
		"h2-any-value":         {smuggled, malformed + " false", "200 true"},
		"h2-connection-fields": {asking(false, h2Connect("connection", "x")), malformed, open},
		"h2-any-scheme":        {asking(false, h2Connect(":scheme", "ftp")), "400", open},
		"h2-any-host":          {asking(false, h2Connect("host", "other.invalid")), "400", open},
		"h2-content":           {asking(false, h2Connect("content-length", "5")), "400", open},
		"h2-ended":             {asking(true, h2Connect()), "400", `200 "" END_STREAM`},
		"h2-first-cookie":      {asking(false, append(h2Connect(":path", "/admin", "cookie", "a=1"), "cookie", "session=lab")), open, "401"},
		"h2-cookie-dropped":    {asking(false, h2Connect(":path", "/admin", "cookie", "session=lab")), open, "401"},
		"h2-origin-first":      {asking(false, append(h2Connect(), "origin", "http://evil.invalid")), "403", open},
		"h2-extensions":        {answering2("sec-websocket-extensions", h2Connect("sec-websocket-extensions", "x-a")), "200 ", "200 x-a"},
		"h2-origin-skipped":    {asking(false, h2Connect("origin", "http://evil.invalid")), "403", open},
		"h2-version-skipped":   {asking(false, h2Connect("sec-websocket-version", "99")), "400", open},
		"h2-subprotocol":       {answering2("sec-websocket-protocol", h2Connect("sec-websocket-protocol", "chat, more")), "200 ", "200 chat, more"},
		"h2-wants-key":         {asking(false, h2Connect()), open, "400"},
		"h2-not-offered":       {offeredH2, "[1] " + open, "[] " + open},
		"h2-setting-2":         {offeredH2, "[1] " + open, "[2] " + open},
		"h2-setting-back":      {offeredH2, "[1] " + open, "[1 0] " + open},
		"h2-426-hop-fields":    {answering2("upgrade", h2Get(":path", "/ws")), "426 ", "426 websocket"},
		"h2-no-501":            {asking(false, h2Connect(":protocol", "unknown")), "501", "502"},
		"h2-201":               {asking(false, h2Connect()), open, `201 "\x81\x02hi"`},
		"h2-accept":            {answering2("sec-websocket-accept", h2Connect()), "200 ", "200 " + soundAccept},
		"h2-refused-stream":    {asking(false, h2Connect("origin", "http://evil.invalid")), "403", "RST REFUSED_STREAM"},
		"h2-refused-late":      {rejectedAndReset, "403, then RST NO_ERROR", "403, then RST REFUSED_STREAM"},
		"h2-malformed-kills":   {asking(false, h2Connect("x-a", "\x00")), malformed, "GOAWAY PROTOCOL_ERROR"},
		"h2-malformed-hangs": {func(c *h2Client) string {
			c.send(1, false, h2Connect("x-a", "\x00"))
			return c.ping() + c.get(3)
		}, malformed + " 200 points\n", "200 points\n"},
		"h2-trailers-kill": {ending(func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true})
		}), malformed + " | 200 points\n", "GOAWAY PROTOCOL_ERROR | end"},
		"h2-close-resets": {ending(func(f *http2.Framer) {
			_ = f.WriteData(1, true, []byte("\x88\x82\x124Vx"+mask("\x03\xe8")))
		}), "data\x88\x02\x03\xe8 | 200 points\n", malformed + " | 200 points\n"},
		"h2-ends-all": {ending(func(f *http2.Framer) { _ = f.WriteRSTStream(1, http2.ErrCodeCancel) }),
			"| 200 points\n", "GOAWAY NO_ERROR | end"},
		"h2-never-ends": {ending(func(f *http2.Framer) { _ = f.WriteData(1, true, nil) }), "data | 200 points\n", "| 200 points\n"},
	}
}

// TestH2EveryFaultShows also checks that the correct backend does not have the fault.
func TestH2EveryFaultShows(t *testing.T) {
	shows := h2Shows()
	for _, f := range h2Faults()[1:] {
		show, ok := shows[f.name]
		if !ok {
			t.Errorf("%s: nothing shows this fault", f.name)
			continue
		}
		for name, want := range map[string]string{"h2": show.sound, f.name: show.faulty} {
			if got := show.sees(dialH2(t, start(t, name))); got != want {
				t.Errorf("%s: at %s got %q, want %q", f.name, name, got, want)
			}
		}
	}
	if len(shows) != len(h2Faults())-1 {
		t.Errorf("there are %d faults, and %d shows", len(h2Faults())-1, len(shows))
	}
}

// TestH2FaultsAreAlone checks that no other backend shows a fault, but for those that cannot but do.
func TestH2FaultsAreAlone(t *testing.T) {
	// These answer every tunnel, every malformed request or every rejection in their own way.
	broad := " h2-page h2-wants-key h2-201 h2-refused-stream h2-malformed-kills h2-malformed-hangs h2-never-ends h2-101-raw h2-any-protocol "
	also := map[string]string{
		"h2-101": "h2-connection-fields", "h2-101-raw": "h2-101 h2-connection-fields",
		"h2-any-protocol": "h2-no-501", "h2-first-protocol": "h2-no-501", "h2-tunnels-h2c": "h2-no-501",
		"h2-101-h2c": "h2-connection-fields", "h2-plain-connect": "h2-connects", "h2-connects": "h2-plain-connect",
		"h2-fetches": "h2-no-path", "h2-first-cookie": "h2-cookie-dropped", "h2-origin-first": "h2-origin-skipped",
		"h2-close-resets": "h2-ends-all", "h2-never-ends": "h2-ends-all",
		"h2-malformed-kills": "h2-any-value", "h2-malformed-hangs": "h2-any-value",
		"h2-not-offered": "h2-setting-2 h2-setting-back", "h2-setting-2": "h2-not-offered h2-setting-back", "h2-setting-back": "h2-not-offered h2-setting-2",
		"h2-refused-stream": "h2-origin-skipped", "h2-refused-late": "h2-early h2-origin-skipped", "h2-version-skipped": "h2-426-hop-fields",
	}
	for _, f := range h2Faults() {
		if strings.Contains(broad, " "+f.name+" ") {
			continue
		}
		s := start(t, f.name)
		for name, show := range h2Shows() {
			got := show.sees(dialH2(t, s))
			want := name == f.name || strings.Contains(" "+also[name]+" ", " "+f.name+" ")
			if differs := got != show.sound; differs != want {
				t.Errorf("%s: at %s got %q, at the correct one %q", name, f.name, got, show.sound)
			}
		}
	}
}

// outside reads what follows a 101 outside of frames.
func (c *h2Client) outside() string {
	if came := c.br.Buffered(); came == 0 {
		_ = c.framer.WritePing(false, [8]byte{})
	}
	if start, _ := c.br.Peek(1); len(start) == 0 || start[0] != 0x81 {
		return ""
	}
	return " " + c.raw(7)
}

// tunnelledH2C asks for a guarded page inside of a tunnel to h2c.
func tunnelledH2C(c *h2Client) string {
	if e := c.ask(1, false, h2Connect(":protocol", "h2c")); e.what != "200" {
		return e.what
	}
	return c.guardedInside()
}

// upgradedToH2C does so after an offer of HTTP/1.1.
func upgradedToH2C(c *h2Client) string {
	c.send(1, false, h2Get("connection", "Upgrade, HTTP2-Settings", "upgrade", "h2c", "http2-settings", "AAMAAABkAAQAAP__"))
	_ = c.framer.WritePing(false, [8]byte{}) // a page would wait for the end of the request
	e := c.next()
	if e.what != "101" {
		return e.what
	}
	return strings.Replace(c.guardedInside(), "200", "101", 1)
}

// guardedInside returns the guarded page in a tunnel to h2c.
func (c *h2Client) guardedInside() string {
	sent := bytes.NewBufferString(h2Preface)
	inner := &h2Client{t: c.t, framer: http2.NewFramer(sent, nil), decoder: hpack.NewDecoder(4096, nil)}
	inner.encoder = hpack.NewEncoder(&inner.block)
	_ = inner.framer.WriteSettings()
	inner.send(1, true, h2Get(":path", h2Guarded))
	_ = c.framer.WriteData(1, false, sent.Bytes())
	inner.framer = http2.NewFramer(nil, &h2Reader{client: c})
	return inner.of(1).what + " " + inner.of(1).data
}

// An h2Reader reads what is inside of stream 1.
type h2Reader struct {
	client *h2Client
	rest   string
}

func (r *h2Reader) Read(p []byte) (int, error) {
	for r.rest == "" {
		e := r.client.of(1)
		if e.what != "data" {
			return 0, io.EOF
		}
		r.rest = e.data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// early sends a request of HTTP/1.1 into a stream whose CONNECT is rejected, and returns what the
// far side has seen of it.
func early(c *h2Client) string {
	c.send(1, false, h2Connect(":path", "/nope"))
	_ = c.framer.WriteData(1, false, []byte("GET /il-smuggled HTTP/1.1\r\nHost: lab\r\n\r\n"))
	status := c.of(1).what
	var seen string
	for line := range strings.Lines(c.get(3, ":path", "/seen")) {
		if strings.Contains(line, "/il-") {
			seen += strings.TrimRight(line, "\r\n")
		}
	}
	return status + ", then <" + seen + ">"
}

// desynced lets a malformed request put a header into the table, and returns how a page reads the
// same index.
func desynced(c *h2Client) string {
	c.plain = true
	c.ask(1, true, h2Get("x-il", "first"))
	c.ask(3, true, h2Get("connection", "x", "x-il", "second"))
	return c.ask(5, true, h2Get("x-il", "second")).head["x-il"]
}

// smuggled sends a second header in the value of a first, and returns whether the far side has read
// it as one.
func smuggled(c *h2Client) string {
	e := c.ask(1, false, h2Connect("x-a", "1\r\nx-il-smuggled: 1"))
	return fmt.Sprint(e.what, " ", strings.Contains(c.get(3, ":path", "/seen"), "\r\nx-il-smuggled: 1"))
}

// dialled sees the answer to a head whose authority is another server, and whether a tunnel echoes
// or that server gets a request.
func dialled(lines []string) func(*h2Client) string {
	return func(c *h2Client) string {
		reached := make(chan struct{}, 1) // there is one request
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
		defer other.Close()
		addr := other.Listener.Addr().String()
		changed := h2Change(slices.Clone(lines), []string{":authority", addr})
		if slices.Contains(changed, "origin") {
			changed = h2Change(changed, []string{"origin", "http://" + addr})
		}
		e := c.ask(1, false, changed)
		switch {
		case e.what != "200" || e.head["content-length"] != "":
			return e.what
		case !slices.Contains(changed, ":path"): // the tunnel leads to the other server
			_ = c.framer.WriteData(1, false, []byte("GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"))
		case c.echoes(1) == "\x81\x02hi":
			return e.what
		}
		select {
		case <-reached:
			return "reached"
		case <-time.After(time.Minute):
			return "nothing"
		}
	}
}

// rejectedAndReset sees the reset after the answer to a foreign origin.
func rejectedAndReset(c *h2Client) string {
	c.send(1, false, h2Connect("origin", "http://evil.invalid"))
	came := strings.Fields(c.ping())
	return came[0] + ", then " + strings.Join(came[max(len(came)-2, 0):], " ")
}

// dialledByPath is dialled with the address of the other server in :path.
func dialledByPath(c *h2Client) string {
	reached := make(chan struct{}, 1) // there is one request
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	defer other.Close()
	if e := c.ask(1, false, h2Connect(":path", other.URL+"/x")); e.what != "200" {
		return e.what
	}
	<-reached // the answer came from there
	return "reached"
}

// answering2 sees a header of the answer to a head.
func answering2(field string, lines []string) func(*h2Client) string {
	return func(c *h2Client) string {
		e := c.ask(1, lines[1] == "GET", lines)
		return e.what + " " + e.head[field]
	}
}

// offeredH2 sees the setting, and that tunnels are opened.
func offeredH2(c *h2Client) string { return fmt.Sprint(c.offered, " ", asking(false, h2Connect())(c)) }

// ending opens a tunnel, ends it in some way, and sees the end and a page.
func ending(end func(*http2.Framer)) func(*h2Client) string {
	return func(c *h2Client) string {
		c.ask(1, false, h2Connect())
		end(c.framer)
		return strings.TrimPrefix(c.ping()+"| "+c.get(3), " ")
	}
}
