package wire

import "time"

// The limits on unanswered requests that are kept.
const (
	maxPending      = 256
	maxPendingBytes = 128 << 10
)

// A ring keeps the heads of the requests of one connection that have no answer, oldest first. A nil
// ring is empty.
type ring struct {
	bytes []byte
	queue []pending
	first int // of queue; those before it are answered
	kept  int // how many of the rest are reported whatever the answer is

	request, response Head // what is being scanned; kept for its memory
	scanned           int  // where in bytes the request ends that was scanned last; 0 if it is not there
}

// pending is one request without an answer.
type pending struct {
	from, to  int // in ring.bytes
	began     time.Time
	since     time.Time // when its head was complete
	headEnd   int64     // where in the client's bytes its head ends
	end       int64     // where in the client's bytes its message ends; -1 while that is not known
	offers    bool      // it has an Upgrade field
	handshake bool      // it has a field that only a handshake has, or every request is asked for
	head      bool      // it is a HEAD
	connect   bool      // it is a CONNECT
	ambiguous bool      // its end is unknown
	flaw      FlawKind  // what its head alone does not show; 0 if nothing
	x         *Exchange // it was reported silent
	early     []byte    // the client's first bytes after it, if it offers
}

// awaitsEarly reports whether the next bytes that the client sends may belong to its early ones.
func (q *pending) awaitsEarly() bool { return q.offers && q.end >= 0 && len(q.early) < MaxRecorded }

// keep reports whether the exchange is reported whatever the answer is.
func (q *pending) keep() bool { return q.offers || q.handshake }

func (r *ring) empty() bool { return r == nil || r.first == len(r.queue) }

func (r *ring) last() *pending { return &r.queue[len(r.queue)-1] }

// push keeps a request that was just scanned; it is false if that would be over the bounds.
func (r *ring) push(q pending, raw []byte) bool {
	r.scanned = 0
	if len(r.queue)-r.first >= maxPending {
		return false
	}
	dead := len(r.bytes)
	if !r.empty() {
		dead = r.queue[r.first].from
	}
	if len(r.bytes)-dead+len(raw) > maxPendingBytes {
		return false
	}
	if dead > 0 && (len(r.bytes)+len(raw) > cap(r.bytes) || r.empty()) {
		r.bytes = append(r.bytes[:0], r.bytes[dead:]...)
		for i := r.first; i < len(r.queue); i++ {
			r.queue[i].from -= dead
			r.queue[i].to -= dead
		}
	}
	if r.first > 0 && len(r.queue) == cap(r.queue) {
		r.queue = append(r.queue[:0], r.queue[r.first:]...)
		r.first = 0
	}
	q.from = len(r.bytes)
	r.bytes = append(r.bytes, raw...)
	q.to = len(r.bytes)
	r.scanned = q.to
	r.queue = append(r.queue, q)
	if q.keep() {
		r.kept++
	}
	return true
}

// pop takes the oldest one. Its bytes are valid until the next push.
func (r *ring) pop() pending {
	q := r.queue[r.first]
	r.queue[r.first] = pending{}
	if q.keep() {
		r.kept--
	}
	if r.first++; r.first == len(r.queue) {
		r.first, r.queue = 0, r.queue[:0]
	}
	return q
}

func (r *ring) raw(q *pending) []byte { return r.bytes[q.from:q.to] }

// read reads the head of a request once more, unless it is the one that was scanned last.
func (r *ring) read(q *pending) *Request {
	raw := append([]byte(nil), r.raw(q)...)
	if q.to == r.scanned {
		return r.request.request(raw)
	}
	return ReadRequest(raw)
}

// silentDue is when the first request that is to be reported has been without an answer for too
// long.
func (r *ring) silentDue() (due time.Time) {
	if r == nil || r.kept == 0 {
		return due
	}
	for i := r.first; i < len(r.queue); i++ {
		if q := &r.queue[i]; q.keep() && q.x == nil {
			return q.since.Add(SilentAfter) // they came in order
		}
	}
	return due
}

// drop forgets all requests.
func (r *ring) drop() {
	clear(r.queue)
	r.first, r.kept, r.queue = 0, 0, r.queue[:0]
}
