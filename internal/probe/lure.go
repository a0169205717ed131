package probe

import (
	"context"
	"crypto/rand"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Limits of the listener that probes name.
const (
	lureTime  = 2 * time.Second        // for one connection
	lureAfter = 200 * time.Millisecond // how long to wait for a connection after the answer
	maxLured  = 64                     // connections at a time, and connections that are remembered
)

// A lure is a listener that only the requests of one run name. A connection to it is remembered if
// it names the path of one of them.
type lure struct {
	ln      net.Listener
	mark    string // in the path of each address
	workers sync.WaitGroup

	mu   sync.Mutex
	came []string      // how those connections began
	news chan struct{} // closed with the next one, and replaced
	open map[net.Conn]struct{}
	over bool
}

// newLure listens at a TCP address.
func newLure(ctx context.Context, address string) (*lure, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	l := &lure{ln: ln, mark: strings.ToLower(rand.Text()[:10]), news: make(chan struct{}), open: map[net.Conn]struct{}{}}
	l.workers.Go(l.accept)
	return l, nil
}

func (l *lure) accept() {
	for {
		conn, err := l.ln.Accept()
		if err != nil {
			return // closed, or of no more use
		}
		if !l.enter(conn) {
			conn.Close()
			continue
		}
		l.workers.Go(func() { l.serve(conn) })
	}
}

// enter remembers a connection until it ends, unless there are too many or the run is over.
func (l *lure) enter(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || len(l.open) >= maxLured {
		return false
	}
	l.open[conn] = struct{}{}
	return true
}

// serve reads how a connection begins and answers. What came is remembered before that, so whoever
// waits for the answer is found.
func (l *lure) serve(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(lureTime))
	b, n := make([]byte, wire.MaxRecorded), 0
	for n < len(b) && !strings.Contains(string(b[:n]), "\r\n\r\n") {
		m, err := conn.Read(b[n:])
		if n += m; err != nil {
			break
		}
	}
	l.mu.Lock()
	if text := string(b[:n]); strings.Contains(text, l.mark) && len(l.came) < maxLured {
		l.came = append(l.came, text)
		close(l.news)
		l.news = make(chan struct{})
	}
	delete(l.open, conn)
	l.mu.Unlock()
	const text = "interlock listens here\n"
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 23\r\nConnection: close\r\n\r\n" + text))
	conn.Close()
}

// close ends the listener and everything that came to it.
func (l *lure) close() {
	l.mu.Lock()
	l.over = true
	l.ln.Close()
	for conn := range l.open {
		conn.Close()
	}
	l.mu.Unlock()
	l.workers.Wait()
}

// next returns an address that no other request names.
func (l *lure) next() rules.Lure {
	return rules.Lure{Host: l.ln.Addr().String(), Path: "/" + l.mark + strings.ToLower(rand.Text())}
}

// wait returns the bytes that arrived at that address. It waits for it a little.
func (l *lure) wait(ctx context.Context, to rules.Lure) []byte {
	patience := time.NewTimer(lureAfter)
	defer patience.Stop()
	for {
		l.mu.Lock()
		i := slices.IndexFunc(l.came, func(text string) bool { return strings.Contains(text, to.Path[1:]) })
		news := l.news
		if i >= 0 {
			defer l.mu.Unlock()
			return []byte(l.came[i])
		}
		l.mu.Unlock()
		select {
		case <-news:
		case <-patience.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
