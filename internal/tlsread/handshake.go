package tlsread

import "golang.org/x/crypto/cryptobyte"

// The types of messages of the handshake that are read.
const (
	messageClientHello = 1
	messageServerHello = 2
	messageTicket      = 4
	messageExtensions  = 8
	messageKeyUpdate   = 24
)

// maxMessage is how long a message may be that is read, in bytes.
const maxMessage = 64 << 10

// A message is the message of the handshake at hand.
type message struct {
	head [4]byte
	have int    // bytes of the head
	body []byte // of one that is read
	left int    // bytes of it that have not come
}

// handshake takes bytes of messages.
func (c *Conn) handshake(from Side, p []byte) {
	m := &c.halves[from].message
	for len(p) > 0 && c.reason == NoReason {
		if m.have < len(m.head) {
			n := copy(m.head[m.have:], p)
			m.have += n
			p = p[n:]
			if m.have < len(m.head) {
				return
			}
			m.left = int(m.head[1])<<16 | int(m.head[2])<<8 | int(m.head[3])
			if m.left > maxMessage && read(m.head[0]) {
				c.fail(Malformed)
				return
			}
		}
		n := min(m.left, len(p))
		if read(m.head[0]) {
			m.body = append(m.body, p[:n]...)
		}
		if m.left -= n; m.left > 0 {
			return
		}
		p = p[n:]
		kind, body := m.head[0], m.body
		*m = message{}
		c.message(from, kind, body)
	}
}

// read reports whether messages of that type are read.
func read(kind byte) bool {
	switch kind {
	case messageClientHello, messageServerHello, messageTicket, messageExtensions, messageKeyUpdate:
		return true
	}
	return false
}

// message takes a message.
func (c *Conn) message(from Side, kind byte, body []byte) {
	h := &c.halves[from]
	switch {
	case kind == messageClientHello && from == Client:
		c.clientHello(body)
	case kind == messageServerHello && from == Server:
		c.serverHello(body)
	case kind == messageExtensions && from == Server && h.stage == serverHandshake:
		s := cryptobyte.String(body)
		var said hello
		if !said.extensions(&s, Server) {
			c.fail(Malformed)
			return
		}
		c.server.alpn = said.alpn
		c.decide(said.early)
	case kind == messageKeyUpdate && h.keys != nil && h.keys.newest:
		if h.keys = h.keys.next(c.suite); h.keys == nil {
			c.fail(WrongSecrets)
		}
	case kind == messageTicket && from == Server && c.greeted && c.server.version == version12:
		s := cryptobyte.String(body)
		var lifetime uint32
		var ticket cryptobyte.String
		if s.ReadUint32(&lifetime) && s.ReadUint16LengthPrefixed(&ticket) {
			c.log.remember(string(ticket), c.master())
		}
	}
}

// clientHello takes the hello of the client, or the one that the server has asked for.
func (c *Conn) clientHello(body []byte) {
	switch {
	case c.greeted || c.halves[Client].keys != nil:
		c.fail(Renegotiated)
		return
	case c.client.random != random{}: // the second one
		c.undecided = false
		return
	}
	h, ok := readHello(body, Client)
	if !ok {
		c.fail(Malformed)
		return
	}
	c.client, c.undecided = h, h.early
}

// serverHello takes the hello of the server.
func (c *Conn) serverHello(body []byte) {
	h, ok := readHello(body, Server)
	switch {
	case !ok || c.greeted:
		c.fail(Malformed)
		return
	case h.random == again: // it takes no early data (RFC 8446 §4.2.10)
		c.undecided, c.waiting, c.held = false, nil, 0
		c.skipping = c.client.early
		return
	}
	if h.version != version12 && h.version != version13 {
		c.fail(OldVersion)
		return
	}
	if c.suite, ok = suiteOf(h.suite, h.version == version13); !ok {
		c.fail(OtherSuite)
		return
	}
	c.server, c.greeted = h, true
	if h.version == version12 {
		c.undecided, c.waiting, c.held = false, nil, 0
	}
}
