package chain

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An attempt is one passage of a probe through the hop. One goroutine owns it.
type attempt struct {
	ctx    context.Context
	hop    *Hop
	sink   *part
	canary *Sink // a server that is not the backend of the hop
	times  Times
	probe  *Probe

	lines   []*line
	methods map[*line]string // of the first request, where it is not GET
	main    *line            // the connection that the result is shown of; nil: the first one
	mainID  string           // the id of the request that the result is shown of; "": the first one
	err     error            // why it could not be sent

	stranger bool // requests for the path that the hop rejects are without the user's fields
	omits    bool // so is the request at hand

	floor *floor // nil: it need not share the hop
	holds bool   // it has the floor

	common  func(*Probe) wire.Common
	near    *wire.Exchange // see kept
	far     *wire.Exchange
	number  int  // of the backend connection of far
	guessed bool // the request of far had no id
	seen    []wire.Sighting
	was     []string
}

// see adds what both sides saw and the bytes of the exchange do not show. The rulebook says what it
// means.
func (t *attempt) see(what wire.Sight, detail string) {
	s := wire.Sighting{What: what, Detail: detail[:min(len(detail), wire.MaxRecorded)]}
	if !slices.Contains(t.seen, s) && len(t.seen) < wire.MaxSightings {
		t.seen = append(t.seen, s)
	}
}

// note adds a fact, which is not a fault.
func (t *attempt) note(code string) { t.was = append(t.was, code) }

// nothing says why the result says nothing.
func (t *attempt) nothing(why string) { t.see(wire.SightNothing, why) }

// pause waits.
func (t *attempt) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}

// id returns a fresh id, for which the sink has that plan.
func (t *attempt) id(p plan) string {
	id := newID()
	t.sink.plan(id, p)
	if t.mainID == "" {
		t.mainID = id
	}
	return id
}

// path is the target of a request with that id.
func (t *attempt) path(id string) string { return strings.TrimSuffix(t.hop.Path, "/") + "/c/" + id }

// handshake returns the valid WebSocket handshake with that id and a fresh key, edited.
func (t *attempt) handshake(id string, edits ...rules.Edit) string {
	var key [16]byte
	_, _ = rand.Read(key[:]) // it never fails
	h := rules.NewHandshake(t.hop.scheme(), t.hop.Host, t.path(id), base64.StdEncoding.EncodeToString(key[:]))
	for _, f := range t.own() {
		rules.Set(f[0], f[1])(h)
	}
	for _, edit := range edits {
		edit(h)
	}
	return h.First()
}

// own returns the user's fields of a request.
func (t *attempt) own() [][2]string {
	if t.omits {
		return nil
	}
	return t.hop.Fields
}

// plain returns a GET without an offer, edited.
func (t *attempt) plain(id string, edits ...rules.Edit) string {
	unoffered := rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
	return t.handshake(id, append([]rules.Edit{unoffered}, edits...)...)
}

// odd is a GET whose spelling a hop that reads it does not keep.
func (t *attempt) odd(id string) string {
	return "GET " + t.path(id) + " HTTP/1.1\r\nhOsT:  " + t.hop.Host + "\r\nConnection: x-mark\r\nx-mark: 1\r\n\r\n"
}

// open connects to the hop.
func (t *attempt) open() *line { return t.openWith(t.hop.dial) }

func (t *attempt) openWith(dial func(context.Context, time.Duration) (net.Conn, error)) *line {
	t.regain()
	conn, err := dial(t.ctx, t.times.Dial)
	if err != nil {
		t.err = err
		panic(unsent{})
	}
	l := newLine(conn, nil)
	t.lines = append(t.lines, l)
	t.sink.adds(l)
	return l
}

// unsent ends an attempt that cannot connect.
type unsent struct{}

// say opens a connection and sends a text.
func (t *attempt) say(text string) *line {
	l := t.open()
	method, _, _ := strings.Cut(text, " ")
	if t.methods == nil {
		t.methods = map[*line]string{}
	}
	t.methods[l] = method
	l.send(text)
	return l
}

// answers returns the final responses so far, and the interim ones before.
func (t *attempt) answers(l *line) ([]message, []*wire.Response) {
	in, end := l.received()
	return responses(in, t.methods[l] == "HEAD", end != "")
}

// answer waits for the nth final response, from 1 on, with its body. It is nil if it does not come;
// one whose body is incomplete is returned as it is.
func (t *attempt) answer(l *line, n int) *message {
	return t.answerIn(l, n, t.times.Come)
}

func (t *attempt) answerIn(l *line, n int, within time.Duration) *message {
	t.wait(l, within, func(in []byte) bool {
		all, _ := responses(in, t.methods[l] == "HEAD", false)
		return len(all) >= n && all[n-1].whole
	})
	if all, _ := t.answers(l); len(all) >= n {
		return &all[n-1]
	}
	return nil
}

// status returns the status of a response; 0 without one.
func status(m *message) int {
	if m == nil {
		return 0
	}
	return m.Status
}

// arrival waits until a request with that id has reached the sink. It is nil if it does not.
func (t *attempt) arrival(id string, within time.Duration) (found *arrival) {
	t.inTurns(within, func(within time.Duration) bool {
		timer := time.NewTimer(within)
		defer timer.Stop()
		for {
			changed := t.sink.next()
			if found = t.came(id); found != nil {
				return true
			}
			select {
			case <-changed:
			case <-timer.C:
				return false
			case <-t.ctx.Done():
				return true
			}
		}
	})
	return found
}

// came returns the first request with that id that has reached the sink by now; nil if none has.
func (t *attempt) came(id string) *arrival {
	if all := t.sink.all(id); len(all) > 0 {
		return all[0]
	}
	return nil
}

// reached returns the first request with that id at the sink, once the client has what it waited for:
// the hop may have answered by itself before it forwarded the request. It is nil if there is none.
func (t *attempt) reached(id string) *arrival { return t.arrival(id, t.times.Not/5) }

// read waits until the sink has read the body of a request, and returns it.
func (t *attempt) read(a *arrival) (body []byte, whole bool) {
	if a == nil {
		return nil, false
	}
	t.inTurns(t.times.Come, func(within time.Duration) bool {
		timer := time.NewTimer(within)
		defer timer.Stop()
		select {
		case <-a.done:
			body, whole = a.body, true
		case <-timer.C:
			return false
		case <-t.ctx.Done():
		}
		return true
	})
	return body, whole
}

// others sends plain requests of other clients, each on a connection of its own, and says what went
// wrong with them: "" if each got its own answer.
func (t *attempt) others() (code string) {
	t.pause(t.times.Later) // until the hop has put its connection back
	for range 3 {
		id := newID()
		t.sink.plan(id, plan{})
		l := t.say(t.plain(id))
		m := t.other(l, id)
		l.close()
		switch {
		case behind(t.sink, id):
			return "POOLED"
		case m != nil && m.Status == 200 && string(m.body) == "body-"+id:
		case m != nil && bytes.Contains(m.body, []byte("POISON")):
			return "POISONED"
		case m != nil && m.Status == 101:
			return "POISONED"
		case t.sink.swallowed(id):
			return "GLUED"
		case m != nil && m.Status == 200:
			return "POISONED"
		}
	}
	return ""
}

// other waits for the answer to another client's request, or until it has reached the sink in a place
// where it is not read as a request.
func (t *attempt) other(l *line, id string) (m *message) {
	for began := time.Now(); time.Since(began) < t.times.Come && t.ctx.Err() == nil; {
		m = t.answerIn(l, 1, t.times.Not)
		if m != nil || l.over() || t.sink.swallowed(id) || behind(t.sink, id) {
			break
		}
	}
	return m
}

// clean closes the connections of the client.
func (t *attempt) clean() {
	for _, l := range t.lines {
		l.close()
	}
}

// behind reports whether a marker came on a connection that had switched protocols before.
func behind(s *part, marker string) bool {
	b, _ := s.saw(marker)
	all := s.all(marker)
	s.mu.Lock()
	defer s.mu.Unlock()
	return b != nil && b.switched || len(all) > 0 && all[0].after
}

// twin reports whether the same request without an offer shows a fault too, unless that is what the
// probe sends.
func (t *attempt) twin(shows func(twin *attempt) bool) {
	if strings.HasSuffix(t.probe.ID, "-PLAIN") {
		return
	}
	t.kept()
	t.sink.empty(t.times.Empty)
	twin := &attempt{ctx: t.ctx, hop: t.hop, sink: t.sink, canary: t.canary, times: t.times, probe: t.probe, stranger: t.stranger, methods: map[*line]string{}}
	defer twin.clean()
	if shows(twin) {
		t.see(wire.SightTwin, "")
	}
}
