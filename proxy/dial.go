package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// dial connects to the backend and claims the connection, so that it is known if it comes in again.
func (c *conn) dial(ctx context.Context) error {
	ctx, giveUp := context.WithCancel(context.WithoutCancel(ctx)) // draining lets a request come to its end
	defer giveUp()
	c.mu.Lock()
	if c.giveUp = giveUp; c.closing { // we were told to end before
		giveUp()
	}
	c.mu.Unlock()
	d := net.Dialer{Timeout: c.relay.Limits.Dial, KeepAliveConfig: KeepAlive}
	backend, address, err := c.reach(ctx, &d)
	if address != c.common.Backend {
		c.mu.Lock()
		c.common.Backend = address
		c.mu.Unlock()
	}
	if err != nil {
		return err
	}
	from, ok1 := addrPort(backend.LocalAddr())
	to, ok2 := addrPort(backend.RemoteAddr())
	if ok1 && ok2 {
		c.claim(from, to)
	}
	if err := c.introduce(backend); err != nil {
		backend.Close()
		return err
	}
	secured, err := c.secureBackend(ctx, backend.(socket), address)
	if err != nil {
		backend.Close()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.backend = secured
	if c.closing {
		c.backend.Close() // we were told to end meanwhile
	}
	return nil
}

// KeepAlive has the kernel find out about peers that have vanished, with the intervals that the system is set to. Listeners
// should have it too: its own defaults cost net more system calls for each connection.
var KeepAlive = net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}

// answerDial answers a client whose backend cannot be reached.
func (c *conn) answerDial(up *pump, err error) {
	cause, why := wire.CauseDial, err.Error()
	var out *scopeError
	if errors.As(err, &out) {
		c.answer(up, wire.CauseScope, why)
		return
	}
	var op *net.OpError
	if errors.As(err, &op) {
		why = op.Err.Error()
	}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		cause, why = wire.CauseLimit, "no descriptor left"
	case errors.As(err, &timeout) && timeout.Timeout():
		cause, why = wire.CauseDialTimeout, fmt.Sprintf("no connection within %v", c.relay.Limits.Dial)
	}
	c.answer(up, cause, fmt.Sprintf("cannot reach backend %q: %s", c.common.Backend, why))
}

// answer ends the connection with an answer of our own. It is not fed to the conversation: the backend said nothing.
func (c *conn) answer(up *pump, cause wire.Cause, line string) {
	c.mu.Lock()
	c.endLocked(cause)
	closing := c.closing
	c.mu.Unlock()
	if !closing && c.say(cause, line) {
		c.linger(up)
	}
}

// say writes an answer of our own, if the client can read one; it is false if the client has gone.
func (c *conn) say(cause wire.Cause, line string) bool {
	c.mu.Lock()
	readable := !c.talk.Opaque() && (c.named == nil || !c.named.closed)
	c.mu.Unlock()
	c.relay.rare.log(string(cause), c.relay.Log.Error().Str("cause", string(cause)).Str("backend", c.common.Backend).Str("err", line), "answered in place of the backend")
	if readable {
		status := "502 Bad Gateway"
		switch cause {
		case wire.CauseDialTimeout:
			status = "504 Gateway Timeout"
		case wire.CauseLimit:
			status = "503 Service Unavailable"
		case wire.CauseScope:
			if status = "403 Forbidden"; c.way.choose != nil && c.named == nil && c.refusal == "" {
				status = "421 Misdirected Request"
			}
		}
		c.client.SetWriteDeadline(time.Now().Add(lingerFor))
		if _, err := c.client.write([]byte(localAnswer(status, line))); err != nil {
			return false
		}
	}
	return true
}

// localAnswer is a whole response with one line of text, and perhaps more fields.
func localAnswer(status, line string, fields ...string) string {
	body := "interlock: " + line + "\n"
	more := ""
	for _, field := range fields {
		more += field + "\r\n"
	}
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s", status, len(body), more, body)
}

// linger lets a client that still sends see what it was sent last: a socket that is closed with bytes unread resets the
// connection, and that may overtake them.
func (c *conn) linger(up *pump) {
	if c.clientOver {
		return
	}
	c.client.finish(false)
	c.client.SetReadDeadline(time.Now().Add(lingerFor))
	for left := lingerBytes; left > 0; {
		b, err := up.read()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.relay.Log.Debug().Str("client", c.common.Client).Msg("client did not end its side")
			}
			return
		}
		left -= len(b)
		up.release()
	}
}
