package lab

import (
	"errors"
	"strings"
	"time"
)

// dripTime is the pause of a dripping backend between two bytes.
const dripTime = time.Second

// hostileBackends try to make a client hang, use up its memory, or crash. They never switch.
func hostileBackends() []Backend {
	hostile := func(name, about string, answer func(*peer)) Backend {
		return Backend{Name: name, About: about, Sound: true, Hostile: true, Paths: []string{"/chat", "/echo"}, talk: behindHead(answer)}
	}
	return []Backend{
		hostile("closing", "closes the connection in place of an answer", func(p *peer) { linger(p.conn, p.br) }),
		hostile("resetting", "resets the connection in place of an answer", reset),
		hostile("dripping", "answers at a byte a second", drip),
		hostile("garbage", "answers with bytes that are not HTTP", func(p *peer) {
			p.write(strings.Repeat("\xde\xad\xbe\xef", 16))
			linger(p.conn, p.br)
		}),
		hostile("endless", "sends interim responses for ever", func(p *peer) { p.repeat("", "HTTP/1.1 102 Processing\r\n\r\n") }),
		hostile("endless-head", "sends a head that never ends", func(p *peer) { p.repeat("HTTP/1.1 400 Bad Request\r\n", "X-More: and more\r\n") }),
	}
}

// behindHead calls answer after it has read a head, whatever the head contains.
func behindHead(answer func(*peer)) func(*peer) {
	return func(p *peer) {
		if _, err := p.next(nil); err == nil || errors.As(err, new(*errHead)) {
			answer(p)
		}
	}
}

// reset makes closing the connection send a reset.
func reset(p *peer) {
	if conn, ok := p.conn.(interface{ SetLinger(sec int) error }); ok {
		_ = conn.SetLinger(0)
	}
}

// drip rejects, slowly.
func drip(p *peer) {
	tick := time.NewTicker(dripTime)
	defer tick.Stop()
	for _, c := range []byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") {
		if !p.write(string(c)) {
			return
		}
		select {
		case <-tick.C:
		case <-p.listener.closed:
			return
		}
	}
}

// repeat writes until the client stops reading.
func (p *peer) repeat(once, again string) {
	again = strings.Repeat(again, 100)
	for ok := p.write(once); ok; {
		ok = p.write(again)
	}
}
