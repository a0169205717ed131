package wire

import "github.com/interlock-proxy/interlock/wire/h2"

// A Follow is what a probe in HTTP/2 found out about its connection beside its own stream: it ends
// with a GET on the same connection, whose answer shows what the probe has done to it.
type Follow struct {
	Ahead   int     `json:"ahead,omitempty"`   // status of the GET before the probe; 0: none was sent, or none came
	Status  int     `json:"status,omitempty"`  // of the GET after it; 0: none came
	Asked   bool    `json:"asked,omitempty"`   // that GET was sent: the connection was still there
	Read    string  `json:"read,omitempty"`    // how the server read a header of it, where it gives that back: one of the readings
	Lost    string  `json:"lost,omitempty"`    // why there is no status: one of the losses
	Code    h2.Code `json:"code,omitempty"`    // of the frame that said so
	Other   string  `json:"other,omitempty"`   // what became of a second tunnel, of a probe that has one: OtherAlive or one of the losses
	Outside []byte  `json:"outside,omitempty"` // how the bytes of the server begin that are in no frame, at most MaxNext
}

// How a request on a connection, or a tunnel in it, was lost.
const (
	LostGoAway = "goaway" // GOAWAY of the server
	LostEnd    = "end"    // the connection ended
	LostReset  = "reset"  // the server reset the stream
	LostSilent = "silent" // nothing came
	LostBlind  = "blind"  // the answer is not HTTP/2
)

// How a server reads a header that is also in an earlier request, with another value.
const (
	ReadRight   = "right"   // as it was sent
	ReadEarlier = "earlier" // as that of the earlier request
	ReadOther   = "other"   // as something else
)

// OtherAlive is a tunnel that works although another one on its connection has ended.
const OtherAlive = "alive"
