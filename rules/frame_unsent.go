package rules

import "github.com/interlock-proxy/interlock/wire"

// Unsent returns why the frames of a probe were not sent after its 101; empty if they were, and for
// everything else.
func (r *Ruling) Unsent() string {
	if r.X.Origin != wire.OriginProbe || r.X.Outcome != wire.Switched || r.X.Response == nil {
		return ""
	}
	c := Case{X: r.X, Options: r.options}
	c.read()
	if c.probe == nil || c.probe.Frames == nil || framesSent(&c) {
		return ""
	}
	deflate, _ := acceptedExtensions(&c)
	reply := readReply(&c)
	switch {
	case !c.websocket || r.X.Protocol() != "websocket":
		return "the server did not switch to WebSocket"
	case reply.closed || reply.ended:
		return "the server ended the connection before the frames"
	case c.probe.On(&Handshake{}).Agreed == permessageDeflate && !deflate:
		return "the server did not accept permessage-deflate"
	}
	return ""
}
