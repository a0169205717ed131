package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxLearned is the number of handshakes that are remembered. The least recently seen one is
// dropped.
const maxLearned = 1000

// A Learned is a valid switch of live traffic: a handshake that the endpoint accepts, and so a base
// for probes. It is kept in memory only.
type Learned struct {
	Route       string
	Endpoint    string // the template
	Backend     string
	Host        string
	Protocol    string
	Subprotocol string        // that the server chose
	TLS         bool          // the backend was spoken to over TLS
	HTTP1       bool          // it was seen in HTTP/1.1
	HTTP2       bool          // it was seen in HTTP/2
	Client      string        // address of the client that was seen last
	Seen        time.Time     // when that was
	Count       int64         // how often it was seen
	Request     *wire.Request // the handshake that was seen last, with all that is secret in it; see [rules.Learn]
}

type learnedKey struct{ route, endpoint, backend, host, protocol, subprotocol string }

// learn remembers a ruling as a base of probes if it is a valid switch of live traffic: nothing in
// it failed, and the first bytes after it are known. The lock is held.
func (a *Audit) learn(r *rules.Ruling) {
	x := r.X
	if x.Origin != wire.OriginLive || x.Outcome != wire.Switched || r.Verdict == rules.Fail {
		return
	}
	host, _ := x.Request.Host()
	k := learnedKey{
		x.Route, r.Endpoint, x.Backend, host[:min(len(host), maxValue)], x.Protocol(), value(&x.Response.Head, "Sec-WebSocket-Protocol"),
	}
	at := a.learned[k]
	if at == nil {
		if len(a.learned) >= maxLearned {
			delete(a.learned, a.lessons.Remove(a.lessons.Front()).(*Learned).key())
		}
		at = a.lessons.PushBack(&Learned{
			Route: k.route, Endpoint: k.endpoint, Backend: k.backend, Host: k.host, Protocol: k.protocol, Subprotocol: k.subprotocol,
		})
		a.learned[k] = at
	}
	a.lessons.MoveToBack(at)
	l := at.Value.(*Learned)
	l.TLS, l.Client, l.Seen, l.Request = x.BackendTLS, x.Client, x.Time, x.Request
	l.HTTP1, l.HTTP2 = l.HTTP1 || !x.Request.HTTP2(), l.HTTP2 || x.Request.HTTP2()
	l.Count++
}

// Versions are the versions of HTTP in which it was seen.
func (l *Learned) Versions() (all []string) {
	if l.HTTP1 {
		all = append(all, "1.1")
	}
	if l.HTTP2 {
		all = append(all, "2")
	}
	return all
}

func (l *Learned) key() learnedKey {
	return learnedKey{l.Route, l.Endpoint, l.Backend, l.Host, l.Protocol, l.Subprotocol}
}

// value is the text of the first field line with that name, cut where it is long.
func value(h *wire.Head, name string) string {
	for v := range h.Values(name) {
		text := h.Text(v)
		return string(text[:min(len(text), maxValue)])
	}
	return ""
}

// Learned returns copies of all handshakes that were learned, by route, endpoint, protocol, Host
// and subprotocol.
func (a *Audit) Learned() []Learned {
	a.mu.Lock()
	all := make([]Learned, 0, len(a.learned))
	for at := a.lessons.Front(); at != nil; at = at.Next() {
		all = append(all, *at.Value.(*Learned))
	}
	a.mu.Unlock()
	slices.SortFunc(all, func(l, m Learned) int {
		return cmp.Or(strings.Compare(l.Route, m.Route), strings.Compare(l.Endpoint, m.Endpoint), strings.Compare(l.Protocol, m.Protocol),
			strings.Compare(l.Host, m.Host), strings.Compare(l.Subprotocol, m.Subprotocol), strings.Compare(l.Backend, m.Backend))
	})
	return all
}
