package proxy

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A gate is what holds bytes back where the guard is on: a response head until it is complete, and what a client sends
// behind a request that may turn the connection into a tunnel until that is answered. Its fields belong to the lock of
// the connection.
type gate struct {
	opened  *sync.Cond // more may be passed, or the connection ends
	blocked error      // why the client does not get what the server has sent
	status  string     // of the answer that the client gets instead; empty: 502
	over    bool       // nothing more comes from the server, so nothing more is decided
	started bool       // the tunnel is let through
}

// guardWith lets nothing through that the guard of the backend objects to.
func (c *conn) guardWith(guard func(*wire.Exchange) error) {
	c.gate = &gate{opened: sync.NewCond(&c.mu)}
	c.common.Altered = append(c.common.Altered, "guard")
	emit := c.common.Emit
	c.common.Emit = func(x *wire.Exchange) {
		c.weigh(guard, x)
		if emit != nil {
			emit(x)
		}
	}
}

// weigh asks the guard about a switch, and once more when it is known what followed. The lock is held.
func (c *conn) weigh(guard func(*wire.Exchange) error, x *wire.Exchange) {
	if x.Blocked || x.Response == nil || x.Response.Status != 101 || x.Final && x.Outcome == wire.Switched && c.gate.blocked != nil {
		return
	}
	err := guard(x)
	switch {
	case x.Outcome == wire.Late:
		err = errors.New("it answers no request")
	case err == nil && x.After.Opaque:
		err = errors.New("nobody can say where the request ends that it answers")
	case err == nil && len(x.Noise) > 0:
		err = errors.New("what came before it cannot be read")
	}
	if err == nil || c.gate.blocked != nil {
		return
	}
	c.gate.blocked = err
	c.endLocked(wire.CauseBlocked)
	if c.talk.Block(); !c.gate.started {
		x.Blocked = true
		return
	}
	x.Blocked = true // what followed the switch shows it: the tunnel is cut
	c.closeBoth()
}

// guardUp carries the client's bytes as pumpUp does, but for those that are held back.
func (c *conn) guardUp(p *pump, first []byte) {
	defer p.release()
	var passed int64
	for b := first; ; {
		out := c.edit(b)
		passed += int64(len(b) - len(out))
		c.talk.Wrote(wire.FromClient, len(b)-len(out))
		for len(out) > 0 {
			n, ok := c.passUp(passed, len(out))
			if !ok {
				return
			}
			if _, err := p.write(out[:n]); err != nil {
				c.broken(p, err)
				return
			}
			passed, out = passed+int64(n), out[n:]
			c.passed(wire.FromClient, n)
		}
		p.release()
		var err error
		if b, err = c.nextUp(p); err != nil {
			c.ended(p, err)
			return
		}
	}
}

// passUp waits until some of the bytes in hand may be passed on; it is false if none of them ever will be.
func (c *conn) passUp(passed int64, inHand int) (n int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch free := c.talk.Passable(wire.FromClient) - passed; {
		case c.closing, c.gate.blocked != nil:
			return 0, false
		case c.talk.Unreadable():
			c.refuseUnread()
			return 0, false
		case free > 0:
			return int(min(free, int64(inHand))), true
		case c.gate.over:
			return 0, false
		}
		c.gate.opened.Wait()
	}
}

// refuseUnread ends a connection whose requests cannot be read: what the backend would make of them, nobody knows. The
// lock is held.
func (c *conn) refuseUnread() {
	c.gate.blocked, c.gate.status = errors.New("the request cannot be read"), "400 Bad Request"
	c.endLocked(wire.CauseBlocked)
	c.relay.rare.log("blocked", c.relay.Log.Warn().Str("client", c.common.Client).Str("err", c.gate.blocked.Error()), "blocked request")
	if c.backend != nil {
		c.backend.SetReadDeadline(time.Unix(1, 0)) // the down pump says so to the client
	}
}

// guardDown carries the server's bytes as pumpDown does, but for those that are held back.
func (c *conn) guardDown(p *pump) {
	defer p.release()
	var held []byte
	var passed int64
	for {
		b, err := p.read()
		if err != nil {
			c.letGo(p, held, passed, err)
			return
		}
		c.feed(wire.FromServer, b)
		held = append(held, b...)
		p.release()
		c.mu.Lock()
		free := c.talk.Passable(wire.FromServer) - passed
		blocked, tunnel, stopped := c.gate.blocked, c.talk.Switched(), c.talk.Stopped()
		c.gate.started = tunnel && blocked == nil
		c.gate.opened.Broadcast()
		c.mu.Unlock()
		n, err := p.write(held[:max(free, 0)])
		c.passed(wire.FromServer, n)
		if err != nil {
			c.broken(p, err)
			c.wake()
			return
		}
		passed += int64(n)
		held = append(held[:0], held[n:]...)
		switch {
		case blocked != nil, stopped:
			c.refuse(blocked)
			return
		case tunnel:
			Carry(&Tunnel{conn: c, pumps: [2]*pump{nil, p}, rest: [2]rest{{ended: true}, {}}})
			return
		}
	}
}

// letGo ends the server's direction: what was held of a head that never came whole is nothing that anybody has judged.
func (c *conn) letGo(p *pump, held []byte, passed int64, err error) {
	c.mu.Lock()
	blocked := c.gate.blocked
	c.mu.Unlock()
	switch {
	case blocked != nil && errors.Is(err, os.ErrDeadlineExceeded):
		c.refuse(blocked)
	default:
		held = c.releaseAtEnd(p, held, passed, err)
		if len(held) > 0 {
			c.end(wire.CauseServer)
		}
		c.ended(p, err)
		c.wake()
	}
}

// releaseAtEnd passes on what the end of the server's direction has settled, and returns what is held for good.
func (c *conn) releaseAtEnd(p *pump, held []byte, passed int64, err error) []byte {
	if len(held) == 0 || !errors.Is(err, io.EOF) {
		return held
	}
	c.mu.Lock()
	c.talk.Ended(wire.FromServer, time.Now())
	free := c.talk.Passable(wire.FromServer) - passed
	c.mu.Unlock()
	n, err := p.write(held[:min(max(free, 0), int64(len(held)))])
	c.passed(wire.FromServer, n)
	if err != nil {
		c.broken(p, err)
	}
	return held[n:]
}

// wake lets the up pump see that nothing more is decided.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gate.over = true
	c.gate.opened.Broadcast()
}

// refuse tells the client that it does not get what the backend has sent, and ends both sides. Nil stands for bytes
// of either side that cannot be read.
func (c *conn) refuse(blocked error) {
	if blocked == nil {
		blocked = errors.New("what came cannot be read")
		c.end(wire.CauseBlocked)
	}
	c.mu.Lock()
	status := c.gate.status
	c.mu.Unlock()
	if status == "" {
		status = "502 Bad Gateway"
	}
	c.client.SetWriteDeadline(time.Now().Add(lingerFor))
	if _, err := c.client.write([]byte(localAnswer(status, "blocked: "+blocked.Error()))); err != nil {
		c.relay.Log.Debug().Err(err).Msg("client has gone")
	}
	c.shut()
}
