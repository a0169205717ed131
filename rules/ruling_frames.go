package rules

import (
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// framesJSON are the facts of the frames after a 101, by protocol: at most one of them is there.
type framesJSON struct {
	Frames     *ws.Facts     `json:"frames,omitempty"` // of WebSocket
	HTTP2      *h2.Facts     `json:"http2,omitempty"`
	TLSRecords *tlsrec.Facts `json:"tlsRecords,omitempty"`
}

// publicFrames returns the facts without secrets.
func publicFrames(x *wire.Exchange) framesJSON {
	return framesJSON{x.After.Frames.WithReasons(PublicReason), x.After.HTTP2, x.After.TLS}
}

// readAfter gives an exchange what followed its 101.
func readAfter(x *wire.Exchange, a *afterJSON, frames *framesJSON) {
	x.Cause, x.Final = wire.Cause(a.Closed), a.Closed != ""
	x.After = wire.After{
		Client: a.Client, Server: a.Server, ClientBytes: a.ClientBytes, ServerBytes: a.ServerBytes, Ended: x.Final,
		ClientClosed: a.closes(wire.CauseClient), ServerClosed: a.closes(wire.CauseServer), End: a.End.end(),
		Frames: frames.Frames, HTTP2: frames.HTTP2, TLS: frames.TLSRecords,
	}
}

// closes reports whether a side ended its direction.
func (a *afterJSON) closes(side wire.Cause) bool {
	return a.Closed == string(side) || a.HalfClosed == string(side)
}
