package lab

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// closing is an answer of the hop itself, after which it closes.
func closing(status string) string {
	return "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
}

// serve answers the requests of a client.
func (h *Hop) serve(client *hopConn) {
	for {
		_ = client.SetReadDeadline(time.Now().Add(idleTime))
		head, err := wholeHead(client)
		if err != nil {
			if len(head) > 0 && !errors.Is(err, io.EOF) {
				h.say(client, closing("400 Bad Request"))
			}
			return
		}
		_ = client.SetReadDeadline(time.Time{})
		q := wire.ReadRequest(head)
		if status := h.objects(q); status != "" {
			h.say(client, closing(status))
			return
		}
		if again := h.forward(client, q); !again {
			return
		}
	}
}

// say writes a last answer, and reads on so that it arrives.
func (h *Hop) say(client *hopConn, text string) {
	_, _ = io.WriteString(client, text)
	linger(client.Conn, client.br)
}

// wholeHead reads a head. Its error is io.EOF if nothing more came.
func wholeHead(c *hopConn) ([]byte, error) {
	var head []byte
	for {
		line, err := c.br.ReadSlice('\n')
		head = append(head, line...)
		switch {
		case err != nil && len(head) == 0:
			return nil, io.EOF
		case err != nil, len(head) > maxHead:
			return head, io.ErrUnexpectedEOF
		case string(line) == "\r\n" && len(head) > 2, string(line) == "\n":
			return head, nil
		}
		if len(head) == len(line) && !bytes.Contains(line, []byte("HTTP/1.")) {
			return head, io.ErrUnexpectedEOF
		}
	}
}

// The paths that every hop that reads HTTP guards itself: it rejects all requests for the one, and those
// without Authorization for the other.
const (
	HopRejects = "/denied"
	HopDemands = "/members"
)

// rejects returns the status with which a hop rejects a request for a path; 0 if it does not.
func rejects(path string, authorized bool) int {
	switch path, _, _ = strings.Cut(path, "?"); {
	case path == HopRejects:
		return http.StatusForbidden
	case path == HopDemands && !authorized:
		return http.StatusUnauthorized
	}
	return 0
}

// objects returns the status with which a request is rejected; empty if it is not.
func (h *Hop) objects(q *wire.Request) string {
	switch {
	case len(q.Flaws) > 0, bytes.Contains(q.Raw, []byte("\x00")), q.Count("Host") != 1 && !h.is(hopTwoHosts):
		return "400 Bad Request"
	case q.Has("Content-Length") && q.Has("Transfer-Encoding"), q.RequestFraming().Kind == wire.FramedNot:
		return "400 Bad Request"
	case q.Method == "CONNECT" && !h.is(hopConnects) && !h.is(hopPassesConnect):
		return "405 Method Not Allowed"
	case q.Method == "CONNECT":
	case rejects(q.Target, q.Has("Authorization")) != 0:
		status := rejects(q.Target, q.Has("Authorization"))
		return strconv.Itoa(status) + " " + http.StatusText(status)
	case !strings.HasPrefix(q.Target, "/") && !strings.HasPrefix(q.Target, "http://"):
		return "400 Bad Request"
	}
	return ""
}

// offers reports whether the request offers what the hop forwards.
func (h *Hop) offers(q *wire.Request) bool {
	option := q.HasOption("upgrade") || h.is(hopFabricates)
	if h.is(hopStrips) || !option || q.Version != "HTTP/1.1" && !h.is(hopHTTP10) {
		return false
	}
	if q.Method != "GET" && !(q.Method == "POST" && (h.is(hopChangesMethod) || h.is(hopUnframed) || h.is(hopH2C) || h.is(hopPoolsUnsent))) {
		return false
	}
	if q.RequestFraming().Kind != wire.FramedEmpty && !h.is(hopUnframed) && !h.is(hopPoolsUnsent) {
		return false
	}
	all := q.Protocols()
	return len(all) > 0 && h.is(hopH2C) || len(all) == 1 && all[0].Is("websocket")
}

// outgoing returns the head that goes to the backend.
func (h *Hop) outgoing(client *hopConn, q *wire.Request, upgrade bool) string {
	method, target, version := q.Method, q.Target, "HTTP/1.1"
	if upgrade && h.is(hopChangesMethod) {
		method = "GET"
	}
	if rest, absolute := strings.CutPrefix(target, "http://"); absolute {
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	if h.is(hopRewrites) {
		target = "/"
	}
	var b strings.Builder
	b.WriteString(method + " " + target + " " + version + "\r\n")
	var nominated []string
	for v := range q.Values("Connection") {
		for each := range strings.SplitSeq(string(q.Text(v)), ",") {
			nominated = append(nominated, strings.TrimSpace(each))
		}
	}
	removed := func(name string) bool {
		for _, each := range append([]string{"Connection", "Upgrade", "HTTP2-Settings", "Keep-Alive", "Proxy-Connection", "TE", "X-Forwarded-For", "Via"}, nominated...) {
			keep := h.is(hopNominated) && strings.HasPrefix(name, "X-Nominated") || wire.EqualFold(each, "Host") || wire.EqualFold(each, "Content-Length") || wire.EqualFold(each, "Transfer-Encoding")
			if wire.EqualFold(name, each) && !keep {
				return true
			}
		}
		unframed := h.is(hopUnframed) && upgrade && (wire.EqualFold(name, "Content-Length") || wire.EqualFold(name, "Transfer-Encoding"))
		return unframed || strings.Contains(name, "_")
	}
	for _, f := range q.Fields {
		if name := string(q.Text(f.Name)); !removed(name) {
			b.WriteString(name + ": " + string(q.Text(f.Value)) + "\r\n")
		}
	}
	own := func(name, value string) {
		if h.is(hopLosesIdentity) {
			for _, each := range nominated {
				if wire.EqualFold(each, name) {
					return
				}
			}
		}
		b.WriteString(name + ": " + value + "\r\n")
	}
	if !(h.is(hopTwin) && upgrade) {
		own("X-Forwarded-For", client.RemoteAddr().String())
	}
	own("Via", "1.1 lab")
	if upgrade {
		protocol := "websocket"
		if h.is(hopH2C) {
			protocol = ""
			for v := range q.Values("Upgrade") {
				protocol += ", " + string(q.Text(v))
			}
			protocol = strings.TrimPrefix(protocol, ", ")
		}
		b.WriteString("Connection: Upgrade\r\nUpgrade: " + protocol + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// sendBody passes the body of a request on. It reports whether all of it has come.
func sendBody(to io.Writer, client *hopConn, f wire.Framing) bool {
	switch f.Kind {
	case wire.FramedByLength:
		n, err := io.CopyN(to, client.br, f.Length)
		return err == nil && n == f.Length
	case wire.FramedByChunks:
		for {
			line, err := client.br.ReadSlice('\n')
			if err != nil {
				return false
			}
			_, _ = to.Write(line)
			size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 32)
			if err != nil {
				return false
			}
			if _, err := io.CopyN(to, client.br, size+2); err != nil || size == 0 {
				return err == nil
			}
		}
	}
	return true
}
