package proxy

import (
	"bytes"
	"errors"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// A holding is what a session has that does not pass on bytes as they come. A nil holding holds
// nothing.
type holding struct {
	pool *wire.Pool

	// Until it is known where the connection goes:
	arrival *Arrival // nil if no head is looked at
	scanner wire.Scanner
	head    wire.Head
	first   []byte
	fixed   bool                // no head says where it goes, whatever the routes are
	allowed func(*Backend) bool // the backends that may be chosen; nil: all
	adjust  func()              // is called when the backend is set; nil: nothing is
	refusal string              // if not empty, why nothing is carried

	// While it is carried:
	editor  *headEditor // nil if nothing is edited
	guard   func(*wire.Exchange) error
	held    [2][]byte // by direction: what was read, and must not be passed on yet
	fed     [2]int64  // by direction, while the guard holds back
	blocked error     // why the client does not get what the server has sent
	let     bool      // the tunnel is let through
}

// isCut reports whether what followed a switch shows that the tunnel must end.
func (h *holding) isCut() bool { return h != nil && h.blocked != nil && h.let }

// holds reports whether bytes of a direction are held by the guard.
func (h *holding) holds(d wire.Direction) bool { return h != nil && len(h.held[d]) > 0 }

// errUnread is why a connection of HTTP/2 ends of which not everything can be read.
var errUnread = errors.New("its bytes cannot be read")

// alter has each request head rewritten on its way, after the rewriting that is there already.
// Rulings say so by name.
func (h *holding) alter(common *wire.Common, name string, rewrite func(head []byte) []byte) {
	if h.editor != nil {
		first, second := h.editor.rewrite, rewrite
		rewrite = func(head []byte) []byte { return second(first(head)) }
	}
	h.editor = &headEditor{rewrite: rewrite, scanner: wire.Scanner{Side: wire.FromClient, Pool: h.pool}}
	names := []string{name}
	if common.Alter != nil {
		names = append(slices.Clone(common.Alter.Names), name)
	}
	common.Alter = &wire.Alteration{Names: names, Head: func(head []byte) []byte {
		if far := rewrite(head); !bytes.Equal(far, head) {
			return far
		}
		return nil
	}}
}

// weigh asks the guard about a switch, and once more when it is known what followed. It reports
// whether the guard objects for the first time.
func (h *holding) weigh(x *wire.Exchange) (objects bool) {
	if x.Blocked || x.Response == nil || x.Response.Status != 101 && x.Outcome != wire.Switched || x.Final && x.Outcome == wire.Switched && h.blocked != nil {
		return false
	}
	err := h.guard(x)
	switch {
	case x.Outcome == wire.Late:
		err = errors.New("it answers no request")
	case err == nil && x.After.Opaque:
		err = errors.New("the end of the request that it answers is unknown")
	case err == nil && len(x.Noise) > 0:
		err = errors.New("what came before it cannot be read")
	}
	if err == nil || h.blocked != nil {
		return false
	}
	h.blocked, x.Blocked = err, true
	return true
}

// passable is how many of the bytes at hand may be passed on. Those that may not are the last that
// were fed.
func (h *holding) passable(d wire.Direction, all int, talk *wire.Conversation) int {
	return min(max(all-int(h.fed[d]-talk.Passable(d)), 0), all)
}

// release adds what may be passed on of what is held, and returns how much that is.
func (h *holding) release(a *action, d wire.Direction, talk *wire.Conversation) int32 {
	held := h.held[d]
	if len(held) == 0 {
		return 0
	}
	n := h.passable(d, len(held), talk)
	a.pass(d, held[:n:n])
	if h.held[d] = held[n:]; n == len(held) {
		h.held[d] = nil
	}
	return int32(n)
}

// drop forgets what is held of a direction, if anything is.
func (h *holding) drop(d wire.Direction) bool {
	held := h.holds(d)
	if held {
		h.held[d] = nil
	}
	return held
}
