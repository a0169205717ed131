package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// Hints are what points to HTTP/3, which is not read: responses and ALTSVC frames (RFC 7838 §3, §4, RFC 9114
// §3.1.1), and the hosts that they are about. The zero value is ready.
type Hints struct {
	mu    sync.Mutex
	count int64
	hosts []string // each once, as they came, at most maxHintHosts
}

// The bounds of the hosts that are kept.
const (
	maxHintHosts = 32
	maxHintHost  = 255 // bytes of a name
)

// Load returns how many there were.
func (h *Hints) Load() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// Hosts returns the first hosts that they were about, each once, in lower case.
func (h *Hints) Hosts() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.hosts)
}

// Add counts one. The host may be unknown.
func (h *Hints) Add(host []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	if len(host) == 0 || len(host) > maxHintHost || len(h.hosts) == maxHintHosts || bytes.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return
	}
	if slices.ContainsFunc(h.hosts, func(known string) bool { return EqualFold(host, known) }) {
		return
	}
	h.hosts = append(h.hosts, strings.ToLower(string(host)))
}

// Where names some of the hosts, in parentheses after a blank; it is empty if none is known.
func (h *Hints) Where() string {
	const most = 5
	hosts := h.Hosts()
	switch n := len(hosts); {
	case n == 0:
		return ""
	case n == maxHintHosts:
		return fmt.Sprintf(" (%s and more hosts)", strings.Join(hosts[:most], ", "))
	case n > most:
		return fmt.Sprintf(" (%s and %d more)", strings.Join(hosts[:most], ", "), n-most)
	}
	return " (" + strings.Join(hosts, ", ") + ")"
}

// pointsToHTTP3 reports whether a response says that its service is there in HTTP/3 too.
func (h *Head) pointsToHTTP3() bool {
	for e := range h.Elements("Alt-Svc") {
		if isHTTP3(h.Text(e)) {
			return true
		}
	}
	return false
}

// pointToHTTP3 is the same for the head of a response in HTTP/2.
func pointToHTTP3(fields []h2.Field) bool {
	return slices.ContainsFunc(fields, func(f h2.Field) bool { return f.Name == "alt-svc" && listsHTTP3([]byte(f.Value)) })
}

// listsHTTP3 reports whether HTTP/3 is among alternatives.
func listsHTTP3(alternatives []byte) bool {
	for each := range bytes.SplitSeq(alternatives, []byte{','}) {
		if isHTTP3(each) {
			return true
		}
	}
	return false
}

// isHTTP3 reports whether an alternative is one of HTTP/3, or of a draft of it.
func isHTTP3(alternative []byte) bool {
	protocol, _, _ := bytes.Cut(bytes.TrimSpace(alternative), []byte{'='})
	return string(protocol) == "h3" || bytes.HasPrefix(protocol, []byte("h3-"))
}

// hint counts a response in HTTP/2 that points to HTTP/3.
func (m *multiplex) hint(stream uint32) { m.common.Counts.HTTP3.Add(hostIn(m.asked(stream))) }

// hintFrame counts an ALTSVC frame that points to HTTP/3. It names the origin, unless it is sent on the stream of
// a request.
func (m *multiplex) hintFrame(e *h2.Event) {
	if len(e.Data) < 2 {
		return
	}
	size := int(binary.BigEndian.Uint16(e.Data))
	if rest := e.Data[2:]; size <= len(rest) && listsHTTP3(rest[size:]) {
		host := rest[:size]
		if e.Stream != 0 {
			host = hostIn(m.asked(e.Stream))
		} else if _, name, ok := bytes.Cut(host, []byte("://")); ok {
			host = name
		}
		m.common.Counts.HTTP3.Add(host)
	}
}

// asked is the head of the request of a stream, as far as it is kept.
func (m *multiplex) asked(stream uint32) []byte {
	if s := m.streams[stream]; s != nil && s.x != nil {
		return s.x.Request.Raw
	}
	return m.on.request(stream)
}

// hostIn returns the host of a request by its head: the value of its first Host or :authority line.
func hostIn(head []byte) []byte {
	for line := range bytes.Lines(head) {
		for _, name := range [...]string{"host:", ":authority:"} {
			if len(line) > len(name) && EqualFold(line[:len(name)], name) {
				return bytes.TrimSpace(line[len(name):])
			}
		}
	}
	return nil
}
