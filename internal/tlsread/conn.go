package tlsread

// A Side is one end of a connection.
type Side uint8

// The sides.
const (
	Client Side = iota
	Server
)

// A Conn decrypts one connection. Only one goroutine may use it at a time.
type Conn struct {
	log    *KeyLog
	emit   func(from Side, plain []byte)
	halves [2]half
	reason Reason

	client, server hello
	greeted        bool // the server has chosen, and suite is known
	suite          suite
	pair           [2]*keys // of TLS 1.2, once they are known

	undecided bool     // the client offers early data, and the server has not said whether it takes it
	waiting   []sealed // records of the client until then
	held      int      // bytes of these
	skipping  bool     // records of the client may be early data that the server did not take
}

// A half is what is known of one side.
type half struct {
	part  []byte // of a record that is not complete
	keys  *keys  // nil: what it sends is in the clear
	stage int    // of TLS 1.3: the kind of secret of the keys
	message
}

// A sealed is a record that cannot be opened yet.
type sealed struct {
	head    [headSize]byte
	content []byte
}

const (
	headSize   = 5
	maxContent = 1<<14 + 2048 // of a record in any version (RFC 5246 §6.2.3)
	maxEarly   = 64 << 10     // bytes of early data
)

// The types of records.
const (
	typeChange    = 20
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
)

// NewConn returns a Conn for a connection from its first byte. It calls emit from Feed with what the
// connection carries, in the order in which that comes; emit must not keep the bytes.
func NewConn(log *KeyLog, emit func(from Side, plain []byte)) *Conn {
	return &Conn{log: log, emit: emit}
}

// Begins reports whether the first byte of a client can be that of TLS, and not of HTTP.
func Begins(first byte) bool { return first == typeHandshake }

// Sealed reports whether bytes from the middle of a connection begin with a record of TLS.
func Sealed(b []byte) bool {
	return len(b) >= headSize && b[0] >= typeChange && b[0] <= typeData && b[1] == 3 && b[2] <= 4 && contentOf(b) > 0 && contentOf(b) <= maxContent
}

// Reason returns why the rest of the connection is not decrypted; NoReason while it is.
func (c *Conn) Reason() Reason { return c.reason }

// ServerName is the server that the client names (RFC 6066 §3); empty if it names none. It is known when
// anything is handed over.
func (c *Conn) ServerName() string { return c.client.name }

// ALPN is the protocol that the server has chosen (RFC 7301); empty if it has chosen none, or if the secret
// of its handshake is missing. It is known when anything is handed over.
func (c *Conn) ALPN() string { return c.server.alpn }

// Held returns how many bytes the Conn keeps.
func (c *Conn) Held() int {
	n := c.held
	for i := range c.halves {
		n += cap(c.halves[i].part) + cap(c.halves[i].body)
	}
	return n
}

func (c *Conn) fail(why Reason) {
	if c.reason == NoReason {
		c.reason = why
		c.halves, c.waiting, c.held = [2]half{}, nil, 0
	}
}

// Feed takes bytes of one side.
func (c *Conn) Feed(from Side, p []byte) {
	h := &c.halves[from]
	for len(p) > 0 && c.reason == NoReason {
		need := headSize
		if len(h.part) >= headSize {
			need += contentOf(h.part)
		}
		n := min(need-len(h.part), len(p))
		h.part = append(h.part, p[:n]...)
		if p = p[n:]; len(h.part) < headSize {
			return
		}
		if !c.sound(h.part) {
			c.fail(Malformed)
			return
		}
		if len(h.part) < headSize+contentOf(h.part) {
			continue
		}
		content := h.part[headSize:]
		head := [headSize]byte(h.part)
		h.part = h.part[:0]
		c.record(from, head, content)
	}
}

// contentOf is how long the content of a record is, by its head.
func contentOf(head []byte) int { return int(head[3])<<8 | int(head[4]) }

// sound reports whether the head of a record can be one.
func (c *Conn) sound(head []byte) bool {
	return head[0] >= typeChange && head[0] <= typeData && head[1] == 3 && contentOf(head) <= maxContent
}

// record takes a record. The content is valid until it returns.
func (c *Conn) record(from Side, head [headSize]byte, content []byte) {
	h := &c.halves[from]
	newest := c.greeted && c.server.version == version13
	switch {
	case head[0] == typeChange && (newest || !c.greeted): // it means nothing (RFC 8446 §5)
	case head[0] == typeData && (newest || from == Client && c.client.early && !c.greeted):
		c.record13(from, head, content)
	case h.keys != nil && !newest:
		c.record12(from, head, content)
	case head[0] == typeChange:
		c.change(from)
	case head[0] == typeHandshake:
		c.handshake(from, content)
	case head[0] == typeAlert:
	default:
		c.fail(Malformed)
	}
}

// plain takes what was decrypted.
func (c *Conn) plain(from Side, kind byte, content []byte) {
	switch {
	case kind == typeHandshake:
		c.handshake(from, content)
	case kind == typeData && len(content) > 0:
		c.emit(from, content)
	case kind == typeChange:
		c.fail(Renegotiated)
	}
}

// record12 takes a protected record of TLS 1.2.
func (c *Conn) record12(from Side, head [headSize]byte, content []byte) {
	plain, err := c.halves[from].keys.open(head, content)
	if err != nil {
		c.fail(WrongSecrets)
		return
	}
	c.plain(from, head[0], plain)
}

// change takes ChangeCipherSpec of TLS 1.2: what follows on this side is protected.
func (c *Conn) change(from Side) {
	if c.pair[from] == nil {
		secret := c.master()
		if secret == nil {
			c.fail(NoSecrets)
			return
		}
		if c.pair = keysOf12(c.suite, secret, c.client.random, c.server.random); c.pair[from] == nil {
			c.fail(WrongSecrets)
			return
		}
		c.log.remember(c.server.session, secret)
	}
	c.halves[from].keys = c.pair[from]
}

// master is the master secret of TLS 1.2: from the key log, or of the session that is resumed.
func (c *Conn) master() []byte {
	if secret := c.log.find(c.client.random, master); secret != nil {
		return secret
	}
	if c.client.ticket != "" {
		if secret := c.log.resumed[c.client.ticket]; secret != nil {
			return secret
		}
	}
	if c.client.session != "" && c.client.session == c.server.session {
		return c.log.resumed[c.client.session]
	}
	return nil
}
