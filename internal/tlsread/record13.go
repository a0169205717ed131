package tlsread

import (
	"bytes"
	"slices"
)

// record13 takes a protected record of TLS 1.3.
func (c *Conn) record13(from Side, head [headSize]byte, content []byte) {
	switch {
	case from == Server, c.greeted && !c.undecided:
	case c.skipping:
		return
	default:
		if c.held += len(content); c.held > maxEarly {
			c.fail(EarlyData)
			return
		}
		c.waiting = append(c.waiting, sealed{head, bytes.Clone(content)})
		return
	}
	inner, ok := c.open(from, head, content)
	if !ok {
		return
	}
	end := len(inner)
	for end > 0 && inner[end-1] == 0 { // padding
		end--
	}
	if end == 0 {
		c.fail(Malformed)
		return
	}
	if kind := inner[end-1]; kind != typeChange {
		c.plain(from, kind, inner[:end-1])
	}
}

// open decrypts a record with the keys of its side, or with those that come next: whoever changes them says
// so in a message that need not be readable.
func (c *Conn) open(from Side, head [headSize]byte, content []byte) ([]byte, bool) {
	h := &c.halves[from]
	if h.keys != nil {
		if plain, err := h.keys.open(head, content); err == nil {
			return plain, true
		}
	}
	known := h.keys != nil
	for _, stage := range c.stages(from) {
		if stage <= h.stage {
			continue
		}
		k := keysOf(c.suite, c.log.find(c.client.random, stage))
		if k == nil {
			continue
		}
		known = true
		if plain, err := k.open(head, content); err == nil {
			c.reached(from, stage, k)
			return plain, true
		}
	}
	switch {
	case from == Client && c.skipping:
	case !known:
		c.fail(NoSecrets)
	case h.keys == nil && c.missing(from): // it is of the handshake, which is not needed
	default:
		c.fail(WrongSecrets)
	}
	return nil, false
}

// stages are the kinds of secrets of a side in their order.
func (c *Conn) stages(from Side) []int {
	if from == Server {
		return []int{serverHandshake, serverTraffic}
	}
	return []int{early, clientHandshake, clientTraffic}
}

// missing reports whether the secret of the handshake of a side is missing.
func (c *Conn) missing(from Side) bool {
	return c.log.find(c.client.random, clientHandshake+int(from)) == nil
}

// reached records that a side uses keys of a stage.
func (c *Conn) reached(from Side, stage int, k *keys) {
	h := &c.halves[from]
	h.keys, h.stage, h.message = k, stage, message{}
	switch {
	case stage == serverTraffic: // its handshake is over
		c.decide(false)
	case from == Client && stage != early:
		c.skipping = false
	}
}

// decide takes whether the server reads the early data of the client, which is then read or dropped.
func (c *Conn) decide(accepted bool) {
	if !c.undecided {
		return
	}
	waiting := c.waiting
	c.undecided, c.waiting, c.held = false, nil, 0
	c.skipping = !accepted
	if !accepted {
		c.halves[Client].stage = early
	}
	if accepted && keysOf(c.suite, c.log.find(c.client.random, early)) == nil && slices.ContainsFunc(waiting, func(s sealed) bool { return len(s.content) > 0 }) {
		c.fail(EarlyData)
	}
	for _, s := range waiting {
		if c.reason == NoReason {
			c.record13(Client, s.head, s.content)
		}
	}
}
