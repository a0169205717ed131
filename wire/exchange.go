package wire

import (
	"bytes"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// An Origin says who caused an exchange.
type Origin string

// The origins. Readers accept others.
const (
	OriginLive   Origin = "live"
	OriginProbe  Origin = "probe"
	OriginReplay Origin = "replay"
	OriginFile   Origin = "file"
	OriginChain  Origin = "chain" // a request of Interlock's through a proxy to a server of its own
)

// Ours reports whether Interlock itself sent the request, and not a client of the service.
func (o Origin) Ours() bool { return o == OriginProbe || o == OriginChain }

// An Outcome says what happened to a request.
type Outcome string

// The outcomes. Readers accept others.
const (
	Switched   Outcome = "switched"   // 101; in HTTP/2 also a 2xx to an extended CONNECT (RFC 8441 §5)
	Refused    Outcome = "refused"    // 4xx, 5xx
	Redirected Outcome = "redirected" // 3xx
	Ignored    Outcome = "ignored"    // 2xx
	Closed     Outcome = "closed"     // the connection ended without a response head
	Silent     Outcome = "silent"     // no response head in time
	Late       Outcome = "late"       // a response head that answers no request
	Opaque     Outcome = "opaque"     // the bytes cannot be read as a response
	Unseen     Outcome = "unseen"     // the record ends, or keeps nothing, before a response head
	Local      Outcome = "local"      // the proxy itself answered; the cause says why
	Reset      Outcome = "reset"      // of HTTP/2: the stream was reset before a final response head
	GoneAway   Outcome = "goneaway"   // of HTTP/2: GOAWAY says that the request was not processed (RFC 9113 §6.8)
)

// LostRequest is the value of Lossy where the fields of the request are not kept.
const LostRequest = "request fields"

// A Cause says why a connection, or the exchange on it, ended.
type Cause string

// The causes. The first ones are ends that the peers chose; after those from CauseDial on the
// outcome is [Local].
const (
	CauseClient      Cause = "client"       // the client ended the connection
	CauseServer      Cause = "server"       // the server did
	CauseClientReset Cause = "client-reset" // the client's connection broke
	CauseServerReset Cause = "server-reset" // the server's connection broke
	CauseTimeout     Cause = "timeout"      // a time limit of ours
	CauseDrain       Cause = "drain"        // we stopped
	CauseDial        Cause = "dial"         // the backend could not be reached
	CauseDialTimeout Cause = "dial-timeout" // the backend could not be reached in time
	CauseLimit       Cause = "limit"        // a limit of ours
	CauseScope       Cause = "scope"        // the target is not one of ours
	CauseLoop        Cause = "loop"         // the connection comes from ourselves
	CauseBlocked     Cause = "blocked"      // the guard
)

// Local reports whether the cause is one in which the proxy itself answers.
func (c Cause) Local() bool {
	switch c {
	case CauseDial, CauseDialTimeout, CauseLimit, CauseScope, CauseLoop, CauseBlocked:
		return true
	}
	return false
}

// MaxRecorded is how many bytes are kept of each direction after an upgrade request and after a
// 101.
const MaxRecorded = 1 << 10

// An Exchange is what happened to one request that is about an upgrade. It is a value: its
// receivers may keep it and must not change it. The same exchange may be reported again, under the
// same ID and with a higher Revision, as more becomes known; the last report has Final set.
type Exchange struct {
	ID       string
	Revision int
	Final    bool // nothing more will be reported
	Complete bool // false: the bytes after a 101 are not known yet, and rules that need them do not apply

	Origin     Origin
	Probe      string   // the probe that caused it, if one did
	Aim        string   // of a probe: the target of the handshake that it is an edit of
	Controls   Controls // of a probe: what happened to the valid handshakes around it
	Control    int      // of a probe: the status of the last answer to that handshake, or NoAnswer; 0: not known
	Suspects   []string // of one of the probes under way when the backend ended: all that may be the cause, by ID; else nil
	Flaky      bool     // of a probe: its failure did not happen again when it was repeated
	Twins      []Twin   // of a probe: the requests that its answer is compared with
	Lured      []byte   // of a probe that names an address of Interlock: the first bytes that arrived there because of it, at most MaxRecorded
	Inside     []Inner  // of a probe: its requests in HTTP/2 in the tunnel
	Follow     *Follow  // of a probe in HTTP/2: what became of the connection; nil of any other
	Route      string
	Client     string // address of the client
	Backend    string // address of the backend
	Connection string // names the connection, where it was read from a file that keeps no addresses
	ClientTLS  bool
	NoSNI      bool // the client's TLS handshake was seen, and names no server (RFC 6066 §3)
	BackendTLS bool
	TLSFlags   []string // of a probe over TLS: the flags that its command had for it, such as --insecure
	Altered    []string // what was changed on the way, by name; see Far
	Lossy      []string // what is not kept of it, such as [LostRequest]: of a stream, or in the file it was read from; see package capture
	Elsewhere  string   // the route that its Host belongs to, where its connection goes to another one
	Blocked    bool     // the guard kept the switch from the client
	Hop        *Hop     // the other side of the proxy that the exchange passed; nil where that side was not seen

	Time time.Time     // when the first byte of the request came
	Took time.Duration // from there to the end of the final response head; 0 without one

	Stream *Stream // of HTTP/2; nil in HTTP/1

	Request  *Request    // never nil; Raw is empty if a response came to no request
	Far      *Request    // the request as Interlock forwarded it, if that changed it
	Interim  []*Response // 1xx responses other than 101, in order
	Noise    []byte      // what the server sent that is not a response, before Response or in its place: the first bytes, at most MaxRecorded
	Response *Response   // the 101, or the final response; nil if none came
	Former   *Response   // of a Late one: the final response that the request had got before; nil if that is not known

	Content    []byte // how the content of Response begins, at most MaxContent bytes; only where Common asks for it
	BodyDone   bool   // the whole request had come when the final response head did
	Early      []byte // the first bytes that the client sent after the request and before the final response head
	EarlyBytes int64  // how many those were in all
	After      After  // what followed a 101
	Next       Next   // what followed another response to an offer

	Outcome Outcome
	Cause   Cause // what ended it, where it ended without a response, or its tunnel; "" otherwise
}

// An Inner is a GET that a probe sent in HTTP/2 in its tunnel, and the answer.
type Inner struct {
	Path    string `json:"path"`
	Status  int    `json:"status"`            // 0: none came
	Content []byte `json:"content,omitempty"` // how it begins, at most MaxContent bytes
}

// A Twin is another request that was sent with a probe, so that the answers can be compared.
type Twin struct {
	Name string        // as the probe declares it
	X    *Exchange     // nil: only the time is known
	Size int           // length of the value that it was sent for; 0: none
	Took time.Duration // the shortest time until the response; 0: not measured
}

// After is what followed a 101. The client's bytes start after the request, so early bytes come
// first.
type After struct {
	Opaque       bool   // the end of the request, and so the start of the client's tunnel bytes, is unknown: Client is empty
	Client       []byte // the first bytes from the client, at most MaxRecorded
	Server       []byte // the first bytes from the server, at most MaxRecorded
	ClientBytes  int64  // how many the client sent in all, as far as they were passed on
	ServerBytes  int64  // how many the server sent in all, as far as they were passed on
	ClientClosed bool   // the client ended its direction
	ServerClosed bool   // the server ended its direction
	Last         []byte // how the last bytes began that were read from the server, at most MaxNext; only at the end, and only if they are not all in Server
	Ended        bool   // the tunnel is over
	Open         time.Duration
	End          *End          // how it ended; nil while it has not, and where that is not known
	Frames       *ws.Facts     // of WebSocket, the frames up to the end of the tunnel or of what was read; nil where frames are not read
	HTTP2        *h2.Facts     // of h2c, likewise
	TLS          *tlsrec.Facts // of TLS, the records, likewise

	Messages *ws.Messages // of WebSocket, the last messages; nil where they are not kept
}

// Next is what a client did after an offer that was not accepted.
type Next struct {
	Bytes    []byte // the first bytes after the request, at most MaxNext; empty if the client sent no more
	HTTP     bool   // they begin an HTTP/1 request
	Answered bool   // and that got a response
}

// MaxNext is how many bytes are kept after an offer that was not accepted.
const MaxNext = 64

// MaxContent is how many bytes of the content of an answer are kept where they are asked for.
const MaxContent = 256

// Protocol returns the protocol that the exchange is about, in lower case and from a fixed set:
// websocket, h2c, tls, masque, other, or none. What the 101 names takes precedence over what the
// request offers.
func (x *Exchange) Protocol() string {
	if x.Outcome == Switched && x.Response != nil {
		if chosen := x.Response.family(); chosen != "" {
			return chosen
		}
	}
	offered := ""
	if x.Request.HTTP2() {
		if protocol := x.Request.pseudo(":protocol"); protocol != "" {
			return familyOf([]byte(protocol))
		}
		return "none"
	}
	for e := range x.Request.Elements("Upgrade") {
		if offered = familyOf(x.Request.Text(e)); offered != "other" {
			break
		}
	}
	switch {
	case offered != "":
		return offered
	case x.Response != nil:
		if chosen := x.Response.family(); chosen != "" {
			return chosen
		}
	}
	return "none"
}

// family returns the family of the first protocol in Upgrade; empty if there is none.
func (h *Head) family() string {
	for e := range h.Elements("Upgrade") {
		return familyOf(h.Text(e))
	}
	return ""
}

// familyOf is the family of a member of an Upgrade field.
func familyOf(member []byte) string {
	name, _, _ := bytes.Cut(member, []byte{'/'})
	switch {
	case EqualFold(name, "websocket"):
		return "websocket"
	case EqualFold(name, "h2c"):
		return "h2c"
	case EqualFold(name, "tls"):
		return "tls"
	case EqualFold(name, "connect-udp"), EqualFold(name, "connect-ip"):
		return "masque"
	}
	return "other"
}

// Bytes returns how many bytes from the wire the exchange holds: heads, early bytes, and those after
// the switch, on both sides of a hop.
func (x *Exchange) Bytes() int {
	n := len(x.Request.Raw) + len(x.Early) + len(x.After.Client) + len(x.After.Server)
	if x.Far != nil {
		n += len(x.Far.Raw)
	}
	if x.Response != nil {
		n += len(x.Response.Raw)
	}
	if x.Former != nil {
		n += len(x.Former.Raw)
	}
	for _, p := range x.Interim {
		n += len(p.Raw)
	}
	return n + len(x.Noise) + x.After.Messages.Bytes() + x.Hop.Bytes()
}

// Outcome returns what happened to the request that p is the final response to, by its status
// alone: [Switched], [Refused], [Redirected], [Ignored], or [Opaque] for a status below 100, which
// no RFC defines.
func (p *Response) Outcome() Outcome { return outcomeOf(p.Status) }

func outcomeOf(status int) Outcome {
	switch {
	case status == 101:
		return Switched
	case status < 100:
		return Opaque
	case status < 300:
		return Ignored
	case status < 400:
		return Redirected
	}
	return Refused
}
