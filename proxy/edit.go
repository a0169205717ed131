package proxy

import (
	"github.com/interlock-proxy/interlock/wire"
)

// rewriteHost is a request head in which every Host field has that value. A head without one stays
// without.
func rewriteHost(head []byte, host string) []byte {
	q := wire.ReadRequest(head)
	var out []byte
	last := 0
	for value := range q.Values("Host") {
		out = append(append(out, head[last:value.From]...), host...)
		last = value.To
	}
	return append(out, head[last:]...)
}

// A headEditor rewrites each request head of a stream. It holds back what may be the beginning of a
// head until that is complete. After a request that may turn the connection into a tunnel it
// changes nothing, as nobody knows what the bytes there are, until that is answered.
type headEditor struct {
	rewrite func(head []byte) []byte
	scanner wire.Scanner
	head    wire.Head
	behind  bool // the bytes may be those of a tunnel
	passing bool // the head that has begun has been passed on in part
}

// edit returns what is to be sent in place of p. undecided reports whether a request of earlier
// calls may still turn the connection into a tunnel; tunnel, whether one has.
func (e *headEditor) edit(p []byte, undecided, tunnel bool) []byte {
	if tunnel {
		e.scanner.Stop()
	}
	e.behind = undecided
	var out []byte
	for {
		inHead := e.scanner.Resting() || e.scanner.Partial() != nil
		n, event := e.scanner.Scan(p, &e.head)
		switch {
		case event == wire.EventHead:
			out = append(out, e.whole(p[:n])...)
			if e.head.Has("Upgrade") || wire.EqualFold(e.head.Text(e.head.Start)[:min(7, e.head.Start.Len())], "CONNECT") {
				e.behind = true
			}
			e.scanner.Frame(e.head.RequestFraming())
		case event == wire.EventOpaque && inHead && !e.passing:
			out = append(out, e.head.Raw...)
			if e.scanner.Flaw != wire.FlawHeadTooLong {
				n = 0
			}
		case inHead && !e.behind && !e.passing && event == wire.EventMore && !e.scanner.Opaque():
			// held back by the scanner
		default:
			e.passing = inHead && n > 0 && event == wire.EventMore
			out = append(out, p[:n]...)
		}
		p = p[n:]
		if event == wire.EventMore {
			return out
		}
	}
}

// whole is a complete head as it is sent on; last is the part of it that came last.
func (e *headEditor) whole(last []byte) []byte {
	switch {
	case e.passing:
		e.passing = false
		return last
	case e.behind:
		return e.head.Raw
	}
	return e.rewrite(e.head.Raw)
}

// held returns what was held back, for good.
func (e *headEditor) held() []byte {
	if e.passing {
		return nil
	}
	held := append([]byte(nil), e.scanner.Partial()...)
	e.scanner.Stop()
	return held
}
