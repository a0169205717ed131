package chain

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"net"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// The limits of a sink.
const (
	maxBackends = 1 << 10 // connections that are open or remembered
	maxHead     = 256 << 10
	idleTime    = 2 * time.Minute
)

// A Sink is the backend behind the hop. It answers each request as the plan for the id in it says,
// and keeps every byte that came.
type Sink struct {
	Addr string // host:port that it listens on

	listener net.Listener
	serving  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	plans    map[string]promise
	backends []*backend // in the order in which they were opened
	opened   int        // how many there were in all
	arrivals []*arrival
	changed  chan struct{} // closed at the next arrival
	active   *part         // whose attempt may open connections now; nil: of none
	matching matching
	dropped  Dropped
	room     room
}

// A backend is one connection of the hop to the sink.
type backend struct {
	*line
	sink     *Sink
	number   int   // the first one is 1
	by       *part // whose attempt was active when it was opened, or whose request came on it; under mu of the sink
	claimed  bool  // a request of by has come; under mu of the sink
	switched bool  // a 101 was sent on it; under mu of the sink
	tunnelAt int   // the offset of the first byte after the request that was answered by it; under mu of the sink
}

// An arrival is a request head that reached the sink.
type arrival struct {
	id      string // "" if there is none in it
	backend *backend
	from    int // the offset of the head on the connection
	to      int // the offset after it
	at      time.Time
	request *wire.Request
	garbage bool          // it is not an HTTP request
	after   bool          // the connection had switched protocols before
	guessed bool          // it has no id, and is matched by its time
	bodyAt  int           // where its body begins, once the sink reads that; under mu of the sink
	bodyEnd int           // where the body has ended; 0 while it has not; under mu of the sink
	body    []byte        // as far as the sink read it; set once done is closed
	done    chan struct{} // closed when the sink has answered, and read the body if the plan says so
}

// NewID returns a fresh id.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// Listen starts a sink on a TCP address. The caller closes it.
func Listen(address string) (*Sink, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Sink{Addr: l.Addr().String(), listener: l, plans: map[string]promise{}, changed: make(chan struct{})}
	s.room.left.Store(maxKept)
	s.serving.Go(s.accept)
	return s, nil
}

// beside starts a second sink on the same host. If this one listens on every address, the other is
// named by the one at which the hop reached this one: the hop may be on another machine.
func (s *Sink) beside() (*Sink, error) {
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, err
	}
	other, err := Listen(net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() && len(s.arrivals) > 0 {
		reached := s.arrivals[len(s.arrivals)-1].backend.conn.LocalAddr().(*net.TCPAddr)
		_, port, _ := net.SplitHostPort(other.Addr)
		other.Addr = net.JoinHostPort(reached.IP.String(), port)
	}
	return other, nil
}

// Close stops listening and closes every connection. When it returns, everything that the sink
// started has ended.
func (s *Sink) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.listener.Close()
	s.empty(0)
	s.serving.Wait()
}

func (s *Sink) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			s.mu.Lock()
			closed := s.closed
			s.mu.Unlock()
			if closed {
				return
			}
			time.Sleep(10 * time.Millisecond) // too many descriptors, for example
			continue
		}
		s.mu.Lock()
		if s.closed || len(s.backends) >= maxBackends {
			if !s.closed {
				s.dropped.Connections++
			}
			conn.Close()
			s.mu.Unlock()
			continue
		}
		s.opened++
		b := &backend{line: newLine(conn, &s.room), sink: s, number: s.opened, by: s.active}
		s.backends = append(s.backends, b)
		s.serving.Go(b.serve)
		s.mu.Unlock()
	}
}

// empty closes all connections, gives the hop that time to notice, and forgets the bytes received on them.
func (s *Sink) empty(wait time.Duration) { s.sweep(func(*part) bool { return false }, wait) }

// plan says what the sink does with the request of that id.
func (s *Sink) plan(id string, does plan) { s.promise(id, promise{plan: does}) }

func (s *Sink) promise(id string, p promise) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans[id] = p
}

// find returns the id in a head: the first known one in the target, else the first one anywhere.
func (s *Sink) find(q *wire.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, at := "", -1
	for _, text := range [][]byte{[]byte(q.Target), q.Raw} {
		for id := range s.plans {
			if i := bytes.Index(text, []byte(id)); i >= 0 && (at < 0 || i < at) {
				best, at = id, i
			}
		}
		if at >= 0 {
			break
		}
	}
	return best
}

// arrived records a request and returns its plan.
func (s *Sink) arrived(a *arrival) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.id == "" && s.matching == byTime && s.active != nil && !a.garbage {
		a.id = s.active.underWay()
		a.guessed = a.id != ""
	}
	a.after = a.backend.switched
	s.keep(a)
	close(s.changed)
	s.changed = make(chan struct{})
	p := s.plans[a.id]
	a.backend.claim(p.by)
	return p.plan
}

// saw returns the connection on which the marker came first, and its offset there; nil if it has
// not come.
func (s *Sink) saw(marker string) (b *backend, offset int) {
	s.mu.Lock()
	backends := append([]*backend(nil), s.backends...)
	s.mu.Unlock()
	for _, b := range backends {
		in, _ := b.received()
		if i := bytes.Index(b.clear(in), []byte(marker)); i >= 0 {
			return b, i
		}
	}
	return nil, -1
}

// swallowed reports whether a request came in the head or the body of another one.
func (s *Sink) swallowed(id string) bool {
	b, at := s.saw(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.arrivals {
		head := a.id != id && bytes.Contains(a.request.Raw, []byte(id))
		if head || a.backend == b && a.bodyAt > 0 && at >= a.bodyAt && (a.bodyEnd == 0 || at < a.bodyEnd) {
			return true
		}
	}
	return false
}

// all returns the arrivals with that id, in their order.
func (s *Sink) all(id string) (found []*arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.arrivals {
		if a.id == id {
			found = append(found, a)
		}
	}
	return found
}

// next returns a channel that is closed at the next arrival.
func (s *Sink) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// leaveHTTP records that a connection has left HTTP, and the offset of the first byte after it.
func (b *backend) leaveHTTP(at int) {
	b.sink.mu.Lock()
	b.switched, b.tunnelAt = true, at
	b.sink.mu.Unlock()
}
