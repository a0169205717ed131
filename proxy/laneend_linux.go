package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// ended records that a direction ended on the leg that is read, as (*conn).ended does for a pump.
func (l *lane) ended(d wire.Direction, err error) {
	l.over[d] = true
	last := l.conn.over(d, err)
	switch g := &l.legs[1-d]; {
	case errors.Is(err, io.EOF):
		if !last && g.fd >= 0 {
			finishSocket(int(g.fd))
		}
	case !errors.Is(err, net.ErrClosed):
		if g.fd >= 0 {
			resetSocket(int(g.fd))
		}
		g.fd, g.readable, g.full = -1, true, false // the other direction sees it
	}
}

// broken records that a direction ended on the leg that is written to.
func (l *lane) broken(d wire.Direction, err error) {
	l.over[d] = true
	l.conn.half(causeOf(1-d, err))
}

// end ends a lane that carries nothing any more.
func (l *lane) end() {
	c := l.conn
	if l.last != nil {
		c.mu.Lock()
		c.talk.Last(l.last[:l.lasting])
		c.mu.Unlock()
	}
	l.close(wire.FromServer)
	if !c.clientOver && l.legs[wire.FromClient].fd >= 0 {
		l.depart(func(up *pump) (carried bool) {
			c.linger(up)
			return false
		})
		return
	}
	l.leave()
}

// leave closes what is open and lets go of the connection, which is over.
func (l *lane) leave() {
	l.close(wire.FromClient)
	l.close(wire.FromServer)
	l.empty()
	l.conn.leave()
	l.carrier.lanes.running.Done()
}

func (l *lane) close(leg wire.Direction) {
	if g := &l.legs[leg]; g.fd >= 0 {
		closeSocket(int(g.fd))
		g.fd = -1
	}
}

// empty gives back all that the lane has of the carrier.
func (l *lane) empty() {
	for d, f := range l.flows {
		if f != nil {
			l.release(f)
			l.dropPipe(f)
			l.flows[d] = nil
		}
	}
	if none := l.carrier.remove(l); none {
		l.carrier.closeSpare()
	}
	l.stage = departed
}

// depart gives the client's socket to a goroutine of its own, which goes on with the connection. The backend's is closed.
func (l *lane) depart(then func(up *pump) (carried bool)) {
	c, g := l.conn, &l.legs[wire.FromClient]
	client, err := unwatched(l.carrier, int(g.fd))
	g.fd = -1
	l.close(wire.FromServer)
	l.empty()
	c.mu.Lock()
	if err == nil {
		c.lane, c.pumped = nil, newPumped(client)
		c.carriers = l.carrier.lanes
		if l.told == toClose {
			client.Close()
		}
	} else {
		c.endLocked(wire.CauseLimit)
	}
	c.mu.Unlock()
	go c.proceed(l.carrier.lanes.running, then)
}

// unwatched makes a connection of package net of a socket. Its descriptor is closed, whatever happens.
func unwatched(k *carrier, fd int) (*net.TCPConn, error) {
	_ = k.epoll.watch(syscall.EPOLL_CTL_DEL, fd, 0, 0)
	return asConn(fd)
}

// asConn makes a connection of package net of a socket. Its descriptor is closed, whatever happens.
func asConn(fd int) (*net.TCPConn, error) {
	file := os.NewFile(uintptr(fd), "client")
	defer file.Close()
	client, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return client.(*net.TCPConn), nil
}

// proceed goes on with a connection that was a lane.
func (c *conn) proceed(running *sync.WaitGroup, then func(up *pump) (carried bool)) {
	defer running.Done()
	if c.pumped != nil {
		up := pump{conn: c, from: wire.FromClient, src: c.client}
		if err := up.open(); err == nil && then(&up) {
			return
		}
	}
	c.leave()
}
