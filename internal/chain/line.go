package chain

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// maxLine is how many bytes of one connection are kept. A connection with more is closed.
const maxLine = 8 << 20

// writeTime is how long a write may wait for the hop to read.
const writeTime = 10 * time.Second

// A line is one connection, and everything that passed on it, with times. One goroutine reads it;
// everything else may be called concurrently.
type line struct {
	conn  net.Conn
	room  *room         // of the sink; nil: of the client
	ended chan struct{} // closed when nothing more will be read

	mu      sync.Mutex
	in      []byte // all that was read
	events  []event
	end     wire.Cause    // how the other side ended: CauseServer for a FIN, CauseServerReset for a reset; "" while it has not, and where we closed
	endAt   time.Time     // when that was
	shut    bool          // we closed
	changed chan struct{} // closed at the next change
}

// An event is a read or a write.
type event struct {
	at    time.Time
	ours  bool // we wrote it
	bytes []byte
}

// newLine reads a connection in a goroutine of its own, which ends with the connection. The caller
// closes the line.
func newLine(conn net.Conn, room *room) *line {
	l := &line{conn: conn, room: room, ended: make(chan struct{}), changed: make(chan struct{})}
	go l.read()
	return l
}

func (l *line) read() {
	defer close(l.ended)
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.conn.Read(buffer)
		now := time.Now()
		l.mu.Lock()
		full := n > 0 && !l.room.take(n)
		if n > 0 && !full {
			l.in = append(l.in, buffer[:n]...)
			l.events = append(l.events, event{at: now, bytes: bytes.Clone(buffer[:n])})
		}
		full = full || len(l.in) > maxLine
		if err != nil && !l.shut {
			l.end, l.endAt = wire.CauseServerReset, now
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				l.end = wire.CauseServer
			}
		}
		if full {
			l.shut = true
			l.conn.Close()
		}
		l.wake()
		l.mu.Unlock()
		if err != nil || full {
			return
		}
	}
}

// wake tells those who wait that something has changed. The caller holds mu.
func (l *line) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// send writes bytes. An error is not reported: the response, or its absence, says more.
func (l *line) send(text string) {
	l.mu.Lock()
	l.events = append(l.events, event{at: time.Now(), ours: true, bytes: []byte(text)})
	l.mu.Unlock()
	l.conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, _ = io.WriteString(l.conn, text)
}

// wait waits until the bytes that came are enough, the other side has ended, that time has passed
// or ctx has ended. It reports whether they are enough.
func (l *line) wait(ctx context.Context, for_ time.Duration, enough func(in []byte) bool) bool {
	timer := time.NewTimer(for_)
	defer timer.Stop()
	for {
		l.mu.Lock()
		in, over, changed := l.in, l.end != "" || l.shut, l.changed
		l.mu.Unlock()
		if enough(in) {
			return true
		}
		if over {
			return false
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// received returns the bytes that came so far, and how the other side ended, if it has.
func (l *line) received() (in []byte, end wire.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.in, l.end
}

// over reports whether the other side has ended.
func (l *line) over() bool {
	_, end := l.received()
	return end != ""
}

// when returns when the byte at that offset came.
func (l *line) when(offset int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.ours {
			continue
		}
		if offset < len(e.bytes) {
			return e.at
		}
		offset -= len(e.bytes)
	}
	return time.Time{}
}

// halfClose ends our direction.
func (l *line) halfClose() {
	if half, ok := l.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// reset ends the connection with a reset.
func (l *line) reset() {
	if tcp, ok := l.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	l.close()
}

// close closes the connection, and returns when its reader has ended.
func (l *line) close() {
	l.mu.Lock()
	if !l.shut {
		l.shut = true
		l.wake()
	}
	l.mu.Unlock()
	l.conn.Close()
	<-l.ended
}

// exchanges returns what the bytes of the connection say, without secrets. Ours is the direction that we
// wrote.
func (l *line) exchanges(common wire.Common, ours wire.Direction, secrets []string) []*wire.Exchange {
	l.mu.Lock()
	events, end := l.events, l.end
	l.mu.Unlock()
	events = maskedEvents(events, secrets)
	var all []*wire.Exchange
	common.Every, common.Counts = true, new(wire.Counts)
	common.Emit = func(x *wire.Exchange) {
		if common.HTTP2 {
			x = maskedHeads(x, secrets)
		}
		for i := range all {
			if all[i].ID == x.ID {
				all[i] = x
				return
			}
		}
		all = append(all, x)
	}
	theirs := wire.FromServer
	if ours == wire.FromServer {
		theirs = wire.FromClient
	}
	var talk wire.Conversation
	talk.Open(&common)
	now := time.Now()
	for _, e := range events {
		d := theirs
		if e.ours {
			d = ours
		}
		talk.Feed(d, e.bytes, e.at)
		talk.Wrote(d, len(e.bytes))
		now = e.at
	}
	cause := wire.CauseTimeout
	switch {
	case end == wire.CauseServer && theirs == wire.FromClient:
		cause = wire.CauseClient
	case end == wire.CauseServerReset && theirs == wire.FromClient:
		cause = wire.CauseClientReset
	case end != "":
		cause = end
	}
	if end == wire.CauseServer {
		talk.Ended(theirs, now)
	}
	talk.Settle(cause, now)
	return all
}
