package probe

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Target is where probes go to.
type Target struct {
	Address  string           // host and port, or unix: and the path of a socket
	TLS      *tls.Config      // nil: cleartext; only http/1.1 is offered by ALPN
	Route    string           // name of the route, for the exchanges
	TLSFlags []string         // the flags of the command that TLS is of, for the exchanges
	Base     *rules.Handshake // the base of every probe, never nil; each request gets a fresh key

	Protected  []string           // paths that are known to require credentials, at most MaxProtected
	Inside     string             // path that is asked for in an h2c tunnel; empty: a protected one, if any
	Identities []*rules.Handshake // valid handshakes with the credentials of different users

	// Handshake supplies the base of one request if handshakes cannot be used twice; nil: Base,
	// always. It is called before each connection, by several goroutines concurrently. Its results
	// are not changed.
	Handshake func(ctx context.Context) (*rules.Handshake, error)
}

// Settings control a run. The default of a zero field is in its comment.
type Settings struct {
	HTTP        HTTP          // the versions of HTTP that are spoken
	Run         string        // name of the run; part of every ruling
	Concurrency int           // running probes; 16 to a loopback address, else 1
	Rate        float64       // connections a second; no limit to a loopback address, else 10
	Dial        time.Duration // 5 s
	Head        time.Duration // until the head of the answer is there; 2 s
	Return      time.Duration // until a backend that is gone is given up; 5 s
	Tail        time.Duration // how long to wait for bytes after a 101; 500 ms
	UserAgent   string        // sent in each request, with the run and the probe after it; empty: none

	Canary string // address where Run listens for connections that probes try to cause; 127.0.0.1:0 for a loopback target, else none

	Protocols     []string // families of probes that are sent: websocket, h2c, tls, masque, other; nil: all
	Risky         bool     // send probes that are known to crash servers beyond loopback too
	ServerPID     int      // process of the server on this machine, whose descriptors, threads and memory are read; 0: none
	UnsafeMethods bool     // send PUT, DELETE, PATCH and content beyond loopback too

	NewID func(time.Time) string    // names an exchange; called by several goroutines at the same time; nil: random names
	Fails func(*wire.Exchange) bool // reports whether an answer must be confirmed; nil: none must; called as observe is
}

// A Report is the result of a run beside its exchanges.
type Report struct {
	Controls []Control // in the order in which they were first sent
	Sent     int       // probes that were sent, without repeats and the controls between them
	NotSent  []NotSent // probes that were not, in their order
	Degraded bool      // at the end the backend rejected a handshake that it had accepted at the beginning
	Suspects []string  // IDs of the probes that may have caused that: those that ended after the last accepted control
	Crashes  []Crash   // ends of the backend, in their order
	Gone     bool      // the server was gone, and the run ended there
	Pace     Pace      // how long the probes took
	Residues []Residue // what each probe that can crash servers left behind; nil without ServerPID
	HTTP2    string    // why probes in HTTP/2 were not sent, or not all; empty: that is not so, or none were to be
	Loaded   bool      // probes got no answer because of load, and one when they were sent alone
}

// A Crash is an end of the backend.
type Crash struct {
	Culprit    string   `json:"culprit,omitempty"` // ID of the probe that ended it; empty: not known
	Candidates []string `json:"candidates"`        // IDs of the possible culprits, the likeliest first; the culprit alone if it is known
	Back       bool     `json:"back"`              // it answered again
}

// A Control is a valid handshake of one protocol and its result.
type Control struct {
	Probe    string         // its ID, such as CTRL-WS
	Protocol string         // websocket or h2c, or of HTTP/2 [rules.HTTP2WebSocket]; http or [rules.HTTP2Plain] for the request without an offer
	Step     string         // what the handshake has that the plain one lacks, such as "Origin http://a:1"; empty: nothing
	Accepted bool           // the server accepted it, each time it was tried before the first probe
	Single   bool           // it was accepted the first time and refused the second: handshakes cannot be used twice
	Exchange *wire.Exchange // the last one; of a handshake that no form helped, the one without a step
	Waited   time.Duration  // how long the head of that answer was waited for at most
	Begun    bool           // there was no response, but possibly the beginning of one
	Flaw     string         // why no client would take the 101 that came last for an acceptance, such as "to \"TLS/1.2\""; empty: it would, or none came
}

// Offers returns the protocol that the control offers; empty if it offers none.
func (c *Control) Offers() string {
	switch c.Protocol {
	case "http", rules.HTTP2Plain:
		return ""
	case rules.HTTP2WebSocket:
		return "websocket"
	}
	return c.Protocol
}

// A NotSent is a probe that was not sent, and why, in a few words.
type NotSent struct {
	Probe  *rules.Probe
	Reason string
}

// A Progress is reported to the caller during a run.
type Progress struct {
	Done, Total int       // probes
	Probe       string    // ID of the one that has ended; empty at the beginning and for a control
	Note        string    // something a person should know, such as that the run waits; empty otherwise
	Controls    []Control // once, before the first probe: the results of the valid handshakes; else nil
}
