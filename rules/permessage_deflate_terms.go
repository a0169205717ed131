package rules

import "github.com/interlock-proxy/interlock/wire"

const permessageDeflate = "permessage-deflate"

// A deflate is one element permessage-deflate of a list of extensions, with its parameters (RFC
// 7692 §7.1).
type deflate struct {
	serverReset bool // server_no_context_takeover
	clientReset bool // client_no_context_takeover
	serverBits  int  // server_max_window_bits; 0 if it is not there
	clientBits  int  // client_max_window_bits; 0 if it is not there, anyBits if it is there without a value
	fault       string
	at          wire.Span
}

// anyBits is larger than any value that client_max_window_bits can have.
const anyBits = 16

// deflateTerms is what both sides said about permessage-deflate.
type deflateTerms struct {
	sound    bool    // there is an offer that can be accepted
	unsound  deflate // the first invalid offer; fault is empty if there is none
	answers  int
	bad      deflate // the first invalid answer; fault is empty if there is none
	compared bool    // there is a valid offer and a valid answer
	offer    deflate // the one that the answer fits best
	answer   deflate
}

// settle compares the answer with the offers. A client may offer several sets of parameters, and
// the answer does not say which of them it accepts: it is compared with the one that it fits best.
func settle(offered, accepted *extensionList) (t deflateTerms) {
	readable := false
	for i := range accepted.extensions {
		if e := &accepted.extensions[i]; e.is(permessageDeflate) {
			t.answers++
			if d := readDeflate(e, true); d.fault == "" && !readable {
				t.answer, readable = d, true
			} else if d.fault != "" && t.bad.fault == "" {
				t.bad = d
			}
		}
	}
	for i := range offered.extensions {
		e := &offered.extensions[i]
		if !e.is(permessageDeflate) {
			continue
		}
		d := readDeflate(e, false)
		t.sound = t.sound || d.fault == ""
		switch {
		case d.fault != "":
			if t.unsound.fault == "" {
				t.unsound = d
			}
		case readable && (!t.compared || t.answer.misfits(&d) < t.answer.misfits(&t.offer)):
			t.offer, t.compared = d, true
		}
	}
	return t
}

// misfits counts the parameters of the answer that do not fit an offer.
func (d *deflate) misfits(offer *deflate) int {
	n := 0
	for _, fits := range [...]bool{d.fitsClientBits(offer), d.fitsServerBits(offer), d.fitsServerReset(offer)} {
		if !fits {
			n++
		}
	}
	return n
}

func (d *deflate) fitsClientBits(offer *deflate) bool {
	return d.clientBits == 0 || offer.clientBits != 0 && d.clientBits <= offer.clientBits
}

func (d *deflate) fitsServerBits(offer *deflate) bool {
	return offer.serverBits == 0 || d.serverBits != 0 && d.serverBits <= offer.serverBits
}

func (d *deflate) fitsServerReset(offer *deflate) bool { return !offer.serverReset || d.serverReset }

// readDeflate reads the parameters of permessage-deflate. client_max_window_bits has a value in an
// answer and may omit it in an offer.
func readDeflate(e *extension, answer bool) deflate {
	d := deflate{at: e.at}
	for i := range e.parameters {
		p := &e.parameters[i]
		repeated := false
		bits := windowBits(p)
		switch {
		case wire.EqualFold(p.name, "server_no_context_takeover"):
			repeated, d.serverReset = d.serverReset, true
			bits = boolean(p)
		case wire.EqualFold(p.name, "client_no_context_takeover"):
			repeated, d.clientReset = d.clientReset, true
			bits = boolean(p)
		case wire.EqualFold(p.name, "server_max_window_bits"):
			repeated, d.serverBits = d.serverBits != 0, bits
		case wire.EqualFold(p.name, "client_max_window_bits"):
			if !p.valued && !answer {
				bits = anyBits
			}
			repeated, d.clientBits = d.clientBits != 0, bits
		default:
			d.fault = "an unknown parameter, " + quote(p.name)
			return d
		}
		switch {
		case repeated:
			d.fault = string(p.name) + " twice"
		case bits == 0 && p.valued:
			d.fault = string(p.name) + "=" + quote(p.value)
		case bits == 0:
			d.fault = string(p.name) + " without a value"
		default:
			continue
		}
		return d
	}
	return d
}

// boolean is 0 if a parameter that must not have a value has one.
func boolean(p *parameter) int {
	if p.valued {
		return 0
	}
	return 1
}

// windowBits returns the value of a parameter that must be a number from 8 to 15 without leading
// zeros; 0 if it is not.
func windowBits(p *parameter) int {
	switch v := p.value; {
	case len(v) == 1 && (v[0] == '8' || v[0] == '9'):
		return int(v[0] - '0')
	case len(v) == 2 && v[0] == '1' && '0' <= v[1] && v[1] <= '5':
		return 10 + int(v[1]-'0')
	}
	return 0
}
