package proxy

import (
	"net"

	"github.com/interlock-proxy/interlock/wire"
)

// An Arrival is what is known of a connection when a backend is chosen for it.
type Arrival struct {
	Listener net.Addr // the end of the connection that is ours: never an unspecified address
	Client   net.Addr
	SNI      string        // the name that the client's TLS asked for; empty: none
	Request  *wire.Request // the first head; nil if what came cannot be read as one
	Early    bool          // nothing has come yet: there is a backend only if no head could change which one that is
}
