package wire

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// A Connection is what is known of a connection of HTTP/2 when one of its exchanges is reported. It is a
// value that its receivers must not change: exchanges share it.
type Connection struct {
	ID         string         `json:"id,omitempty"`         // the same in all its exchanges: the ID of the first one
	ALPN       string         `json:"alpn,omitempty"`       // the protocol that TLS has chosen (RFC 7301), where TLS was seen
	SNI        string         `json:"sni,omitempty"`        // the server that TLS names (RFC 6066 §3), likewise
	Streams    uint32         `json:"streams,omitempty"`    // streams that the client has opened
	Open       uint32         `json:"open,omitempty"`       // those that were open, at most maxOpen; 0 once one side is not read any more
	Unfollowed uint32         `json:"unfollowed,omitempty"` // streams about an upgrade that were not followed, because too much was
	Client     ConnectionSide `json:"client,omitzero"`
	Server     ConnectionSide `json:"server,omitzero"`
}

// A ConnectionSide is what one side of a connection has sent beside its streams.
type ConnectionSide struct {
	Settings map[uint16]uint32 `json:"settings,omitempty"` // the last value of each parameter, of the first h2.MaxSettings that came
	Connect  []uint32          `json:"connect,omitempty"`  // the values of SETTINGS_ENABLE_CONNECT_PROTOCOL in their order, without repetitions, at most maxConnects
	GoAway   *GoAwayFrame      `json:"goaway,omitempty"`   // the last one; nil: none
	Blind    *Blind            `json:"blind,omitempty"`    // nil: all that it has sent was read
}

// A GoAwayFrame is a GOAWAY frame (RFC 9113 §6.8).
type GoAwayFrame struct {
	Last uint32  `json:"last"` // the highest stream that may have been processed
	Code h2.Code `json:"code"`
}

// A Blind says from where on the bytes of a side are not decoded.
type Blind struct {
	From int64  `json:"from"` // the first byte of it
	Why  string `json:"why"`  // as h2.Blindness writes it
}

// The bounds of what is kept of a connection.
const (
	maxConnects = 8
	maxOpen     = 1 << 10  // open streams that are told from closed ones
	maxAsked    = 1 << 10  // bytes of what is kept of a request that is not followed
	maxAllAsked = 64 << 10 // of all of them
)

// side is one side.
func (k *Connection) side(d Direction) *ConnectionSide {
	if d == FromClient {
		return &k.Client
	}
	return &k.Server
}

// A connection is what is known of a connection that goes on. What it has shown does not change.
type connection struct {
	known   Connection
	shown   *Connection // what was reported last; nil if something has changed since
	open    []openStream
	asked   int    // bytes of what is kept of their requests
	highest uint32 // stream of the client
	unsure  bool   // streams may be open that are not among those
	suspect suspect
	over    bool // the connection is
}

// An openStream is a stream that is not closed.
type openStream struct {
	id    uint32
	ended [2]bool // by Direction
	asked []byte  // the pseudo-headers of a request that is not followed, as a head; nil: not kept
}

// show returns what is known, for an exchange with that ID.
func (k *connection) show(id string) *Connection {
	if k.shown == nil {
		if k.known.ID == "" {
			k.known.ID = id
		}
		shown := k.known
		k.shown = &shown
	}
	return k.shown
}

// change returns what is known of one side, to be changed.
func (k *connection) change(d Direction) *ConnectionSide {
	k.shown = nil
	return k.known.side(d)
}

// set takes a parameter of SETTINGS.
func (k *connection) set(d Direction, got h2.Setting) {
	side := k.change(d)
	if _, known := side.Settings[got.ID]; known || len(side.Settings) < h2.MaxSettings {
		if side.Settings = maps.Clone(side.Settings); side.Settings == nil {
			side.Settings = map[uint16]uint32{}
		}
		side.Settings[got.ID] = got.Value
	}
	if n := len(side.Connect); got.ID == settingConnectProtocol && n < maxConnects && (n == 0 || side.Connect[n-1] != got.Value) {
		side.Connect = append(slices.Clone(side.Connect), got.Value)
	}
}

// begin records a stream of the client. Its numbers only grow (RFC 9113 §5.1.1).
func (k *connection) begin(id uint32) {
	if id <= k.highest {
		return
	}
	k.highest = id
	k.change(FromClient)
	k.known.Streams++
	if len(k.open) < maxOpen && k.known.Client.Blind == nil && k.known.Server.Blind == nil {
		k.open = append(k.open, openStream{id: id})
	} else {
		k.unsure = true
	}
	k.known.Open = uint32(len(k.open))
}

// end records that one side, or a reset, has ended a stream.
func (k *connection) end(id uint32, d Direction, reset bool) {
	i, ok := slices.BinarySearchFunc(k.open, id, openStream.compare)
	if !ok {
		return
	}
	if k.open[i].ended[d] = true; reset || k.open[i].ended[1-d] {
		k.asked -= len(k.open[i].asked)
		k.open = slices.Delete(k.open, i, i+1)
		k.shown, k.known.Open = nil, uint32(len(k.open))
	}
}

// goAway records that the server has not processed the streams after the last one.
func (k *connection) goAway(last uint32) {
	k.open = slices.DeleteFunc(k.open, func(s openStream) bool { return s.id > last })
	k.shown, k.known.Open = nil, uint32(len(k.open))
}

// resting reports whether no stream is open.
func (k *connection) resting() bool { return len(k.open) == 0 && !k.unsure }

// remember keeps what a stream asks for that is not followed, in case that its response is about an upgrade.
func (k *connection) remember(id uint32, fields []h2.Field) {
	i := len(k.open) - 1
	if i < 0 || k.open[i].id != id {
		return
	}
	n := slices.IndexFunc(fields, func(f h2.Field) bool { return !strings.HasPrefix(f.Name, ":") })
	if n < 0 {
		n = len(fields)
	}
	if asked, whole := renderHead(fields[:n], maxAsked); whole && k.asked+len(asked) <= maxAllAsked {
		k.open[i].asked = asked
		k.asked += len(asked)
	}
}

// request returns what is kept of the request of a stream, as a head.
func (k *connection) request(id uint32) []byte {
	if i, ok := slices.BinarySearchFunc(k.open, id, openStream.compare); ok && k.open[i].asked != nil {
		return k.open[i].asked
	}
	return []byte(http2Line + "\r\n")
}

func (s openStream) compare(id uint32) int { return cmp.Compare(s.id, id) }

// others returns how many streams beside that one the server has not ended.
func (k *connection) others(id uint32) (n uint32) {
	for _, s := range k.open {
		if s.id != id && !s.ended[FromServer] {
			n++
		}
	}
	return n
}

// blind records that a side is not read any more.
func (k *connection) blind(d Direction, from int64, why h2.Blindness) {
	k.change(d).Blind = &Blind{from, why.String()}
	k.open, k.known.Open, k.unsure = nil, 0, true
}
