package rules

import "github.com/interlock-proxy/interlock/wire/ws"

// Evidence is an exchange without secrets and payload, unless evidence is full. All bytes keep their
// offsets.
type Evidence struct {
	Request, Far   []byte       // heads; Far is nil if the request was sent on as received
	Redacted       []string     // names of headers, ?name for a parameter of the target, target for its user information
	Noise, Former  []byte       // see wire.Exchange
	Response       []byte       // the head; nil: there is none
	Client, Server []byte       // how the tunnel begins, from each side
	Messages       *ws.Messages // of the tunnel, where they are kept
}

// Evidence returns the exchange of the ruling, fit to be shown, as its JSON has it.
func (r *Ruling) Evidence() Evidence {
	j := r.document()
	s := Evidence{Request: j.Request.Head, Far: j.Request.Far, Redacted: j.Request.Redacted, Noise: j.Noise, Former: j.Former, Messages: j.Messages}
	if j.Response != nil {
		s.Response = j.Response.Head
	}
	if j.After != nil {
		s.Client, s.Server = j.After.Client, j.After.Server
	}
	return s
}

// Head returns a copy of the request's or the response's head, fit to be shown: secret values are
// overwritten by asterisks, byte for byte, unless evidence is full. It is nil for a response that
// there is not.
func (r *Ruling) Head(p Part) []byte {
	switch {
	case p == InRequest:
		return r.options.requestOf(r.X)
	case p == InResponse && r.X.Response != nil:
		return r.options.responseOf(r.X, r.X.Response)
	}
	return nil
}
