package wire

import (
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// Common is what all exchanges of one connection have in common. It does not change after Open.
type Common struct {
	Origin     Origin
	Probe      string
	Controls   Controls
	Route      string
	Client     string
	Backend    string
	ClientTLS  bool
	NoSNI      bool // see Exchange
	BackendTLS bool
	NoFrames   bool        // do not read the frames of tunnels; see After
	Outer      bool        // the streams of HTTP/2 after a 101 to h2c are no exchanges of their own
	Content    bool        // keep how the content of answers begins; see Exchange
	Every      bool        // report all exchanges, also those that have nothing to do with the mechanism
	HTTP2      bool        // of a probe: the connection is one of HTTP/2 (RFC 9113 §3.4)
	Messages   *ws.Keep    // what to keep of the messages of WebSocket, where frames are read; nil: nothing
	Altered    []string    // what is changed of every exchange, by name
	Alter      *Alteration // of the heads of requests in HTTP/1.1; nil: they are not altered
	Rare       *Rare       // nil: the zero value

	Emit   func(*Exchange)        // gets each report, in order, from within the call that caused it; must not block
	NewID  func(time.Time) string // names an exchange; called once for each
	Asides *Asides                // gets what is not reported as an exchange; may be nil
	Pool   *Pool
	Counts *Counts // never nil
}

// An Alteration is what a proxy changes in the heads of requests. The streams of HTTP/2 have none.
type Alteration struct {
	Names []string
	Head  func(request []byte) []byte // the head as it is sent on; nil if that one is not altered
}

// Rare is what few connections have in common; see Exchange.
type Rare struct {
	TLSFlags []string
	ALPN     string // see Connection
	SNI      string
	Stream   *Stream

	connection *connection // of Stream; nil where nothing is known of it
}

// TLSFlags are those of Rare.
func (k *Common) TLSFlags() []string { return k.rare().TLSFlags }

// rare is Rare, also where that is nil.
func (k *Common) rare() Rare {
	if k.Rare == nil {
		return Rare{}
	}
	return *k.Rare
}

// Asides get what is seen of ordinary requests. Each of them must not block, and may be nil.
type Asides struct {
	Moved  func(location string)          // the Location of each redirection
	Denied func(route string, q *Request) // requests without an offer that are answered with 401 or 403
}

// Counts are the sums over many connections. Readers may look at any time.
type Counts struct {
	Exchanges  atomic.Int64 // requests that were answered
	Upgrades   atomic.Int64 // exchanges that were reported
	Opaque     atomic.Int64 // connections, or rests of them, that could not be read
	TLS        atomic.Int64 // those among them that began with a TLS record
	HTTP2      atomic.Int64 // those among them that began with the preface of HTTP/2 (RFC 9113 §3.4)
	HTTP2Read  atomic.Int64 // connections, or tunnels, of which the streams were read, perhaps not to their end
	HTTP3      Hints        // responses and frames that point to HTTP/3
	Tunnels    atomic.Int64 // CONNECT requests that got a 2xx: tunnels that are not inspected
	Downgraded atomic.Int64 // TLS connections of clients that wanted HTTP/2 and got HTTP/1.1
	HTTP2Only  atomic.Int64 // TLS handshakes that failed, as the client takes only HTTP/2 and was offered HTTP/1.1
	Shed       atomic.Int64 // connections that turned opaque because too many requests were unanswered
}
