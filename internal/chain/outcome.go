package chain

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An outcome is what became of a request that may switch.
type outcome struct {
	id       string
	line     *line
	got      *message // the final response at the client; nil: none
	interim  []*wire.Response
	at       *arrival // at the sink; nil: it did not get there
	up, down bool     // a tunnel passes bytes that way
}

// offer sends a handshake with edits and follows it to the sink, back, and into the tunnel.
func (t *attempt) offer(p plan, edits ...rules.Edit) outcome {
	id := t.id(p)
	return t.follow(t.say(t.handshake(id, edits...)), id)
}

// follow waits for what becomes of a request that was sent.
func (t *attempt) follow(l *line, id string) outcome {
	o := outcome{id: id, line: l, got: t.answer(l, 1)}
	if o.switched() {
		o.at = t.arrival(id, t.times.Come) // a hop may send a 101 before it has asked the backend
	} else {
		o.at = t.reached(id)
	}
	_, o.interim = t.answers(l)
	if o.switched() {
		o.up, o.down = t.tunnel(l, id)
		t.passes(&o)
	}
	if o.at != nil && !o.switched() {
		t.note(fmt.Sprintf("%d", status(o.got)))
	}
	return o
}

// passes says where a 101 at the client has no tunnel after it.
func (t *attempt) passes(o *outcome) {
	switch {
	case !o.up && !o.down:
		t.see(wire.SightNoTunnel, "")
	case !o.up:
		t.see(wire.SightOneWay, "from the server to the client")
	case !o.down:
		t.see(wire.SightOneWay, "from the client to the server")
	}
}

func (o *outcome) switched() bool { return status(o.got) == 101 }

// tunnelled reports whether there is a tunnel: bytes pass one way at least.
func (o *outcome) tunnelled() bool { return o.switched() && (o.up || o.down) }

// offersAt reports whether the request at the sink has an Upgrade header, and the connection option.
func (o *outcome) offersAt() (header, option bool) {
	if o.at == nil {
		return false, false
	}
	return o.at.request.Has("Upgrade"), o.at.request.HasOption("upgrade")
}

// self says what the hop answered itself, in a word.
func (o *outcome) self() string {
	switch {
	case o.got != nil:
		return fmt.Sprintf("self%d", o.got.Status)
	case o.line.over():
		return "closed"
	}
	return "HANG"
}

// ended says in what state a client without an answer is.
func (o *outcome) ended() string {
	switch {
	case o.got != nil:
		return statusText(o.got)
	case o.line.over():
		return "no answer, and the connection was closed"
	}
	return "no answer, and the connection stays open"
}

// names returns the names of the headers at the sink, in lower case and sorted, without those of the
// handshake itself.
func names(q *wire.Request) []string {
	own := []string{"connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "x-interlock"}
	var all []string
	for _, f := range q.Fields {
		name := string(bytes.ToLower(q.Text(f.Name)))
		if !slices.Contains(own, name) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// joined returns the values of a header, joined as RFC 9110 §5.3 allows.
func joined(h *wire.Head, name string) string {
	var all [][]byte
	for v := range h.Values(name) {
		all = append(all, bytes.TrimSpace(h.Text(v)))
	}
	text := bytes.Join(all, []byte(","))
	return string(bytes.ReplaceAll(text, []byte(" "), nil))
}

// missing returns the elements of a that b lacks.
func missing(a, b []string) (lost []string) {
	for _, each := range a {
		if !slices.Contains(b, each) {
			lost = append(lost, each)
		}
	}
	return lost
}
