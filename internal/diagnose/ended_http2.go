package diagnose

import (
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// http2End returns the facts of an h2c tunnel that is over; nil if it is none.
func (v *View) http2End() *h2.Facts {
	if v.Stage&Over == 0 || v.X.Blocked || v.X.Origin.Ours() {
		return nil
	}
	return v.X.After.HTTP2
}

// goodbye returns the GOAWAY with an error that ended a tunnel, the first if there are two, and who sent
// it; nil if there is none.
func (v *View) goodbye() (*h2.Goodbye, h2.Side) {
	if f := v.http2End(); f != nil {
		for _, from := range [...]h2.Side{f.GoneFirst, 1 - f.GoneFirst} {
			if g := f.Sides[from].GoAway; g != nil && g.Code != 0 {
				return g, from
			}
		}
	}
	return nil, 0
}

// goneWith is a mark of a GOAWAY with one of these codes.
func goneWith(codes ...h2.Code) mark {
	return func(v *View) string {
		g, _ := v.goodbye()
		for _, code := range codes {
			if g != nil && g.Code == code {
				return "code " + code.String()
			}
		}
		return ""
	}
}

// peer is a side of a tunnel at the beginning of a sentence.
func peer(from h2.Side) string {
	if from == h2.Server {
		return "The backend"
	}
	return "The client"
}

var _ = register(Kind{
	ID: "tunnel-goaway", Family: Ended, Stages: Over,
	Title: "One side ended the HTTP/2 connection in the tunnel with a GOAWAY that reports an error",
	Why: `GOAWAY says that its sender takes no more streams, which was the last one that it may have
processed, and why. NO_ERROR is an end in order; with any other code the sender has found a fault of the
other side, or of its own, and the whole connection ends with all of its streams.`,
	Refs: []rules.Ref{
		{RFC: "9113", Section: "6.8", Text: "GOAWAY ends a connection, with a code and the last stream that may have been processed"},
		{RFC: "9113", Section: "7", Text: "what the error codes mean"},
	},
	See: func(v *View) string {
		g, from := v.goodbye()
		if g == nil {
			return ""
		}
		opened := v.X.After.HTTP2.Sides[h2.Client].Opened + v.X.After.HTTP2.Sides[h2.Server].Opened
		return fmt.Sprintf("%s ended the HTTP/2 connection in the tunnel after %s with GOAWAY %s, last stream %d; %d streams had been opened after the 101",
			peer(from), seconds(g.At), g.Code, g.Last, opened)
	},
	Causes: []Cause{
		{
			Text: "The side that says so takes the other one's pings, resets or settings for too many: gRPC clients that ping more often than the server allows get this", Certainty: rules.Likely, Mark: goneWith(11),
			Fix: []Remedy{
				{"gRPC", "Let clients ping less often (keepalive time of 5 minutes), or allow more at the server (permit_keepalive_time, keepalive.EnforcementPolicy)"},
				{"", "Look for a client that opens and resets streams in a loop"},
			},
		},
		{
			Text: "The other side sent frames that HTTP/2 does not allow, or something on the way changed them", Certainty: rules.Possible, Mark: goneWith(1, 3, 5, 6, 9),
			Fix: []Remedy{{"", "See http2 in the ruling: fault is the first such frame, if it can be told from its head; else look into the log of the side that sent the GOAWAY"}},
		},
		{Text: "The side that sent it failed or lost patience", Certainty: rules.Possible, Fix: []Remedy{
			{"", "Look into the log of the side that sent the GOAWAY at that time: the error is there"},
		}},
	},
})

// brokenFrame returns the first frame that breaks the connection in an h2c tunnel, and who sent it; nil
// if there is none. What begins a side is judged by rules.
func (v *View) brokenFrame() (*h2.Fault, h2.Side) {
	f := v.http2End()
	if g, _ := v.goodbye(); f == nil || g != nil {
		return nil, 0
	}
	for from := range f.Sides {
		if fault := f.Sides[from].Fault; fault != nil && fault.Kind != h2.FaultPreface && fault.Kind != h2.FaultFirst {
			return fault, h2.Side(from)
		}
	}
	return nil, 0
}

var _ = register(Kind{
	ID: "tunnel-http2-fault", Family: Ended, Stages: Over,
	Title: "A frame in the h2c tunnel breaks HTTP/2",
	Why: `A receiver of such a frame ends the connection. Interlock does not read on after it either. If it
is not the last frame of its side, the receiver is lenient, or the bytes are not HTTP/2 any more.`,
	Refs: []rules.Ref{{RFC: "9113", Section: "5.4.1", Text: "an error of the connection ends all of its streams"}},
	See: func(v *View) string {
		fault, from := v.brokenFrame()
		if fault == nil {
			return ""
		}
		what := map[h2.FaultKind]string{
			h2.FaultSize: fmt.Sprintf("it is longer than the %d bytes that the other side allows", fault.Limit), h2.FaultLength: "frames of its type cannot have that length",
			h2.FaultStream: "it cannot belong to its stream", h2.FaultOrder: "a header block was not complete, or there was none to continue", h2.FaultPush: "a client cannot push",
			h2.FaultSetting: "it has a setting with a value that is not allowed", h2.FaultWindow: "it adds nothing to the window of the connection", h2.FaultPadding: "its padding is longer than the frame",
		}[fault.Kind]
		if v.X.After.HTTP2.Sides[from].HTTP {
			what = "HTTP/1 begins in its place"
		}
		return fmt.Sprintf("%s sent frame %d (%s, stream %d, %d bytes) at offset %d of the h2c tunnel: %s",
			peer(from), fault.Frame, fault.Head.Kind(), fault.Head.Stream, fault.Head.Length, fault.Offset, what)
	},
	Causes: []Cause{
		{
			Text: "The tunnel does not lead where both sides believe: a proxy or server answers in HTTP/1 inside it", Certainty: rules.Possible,
			Mark: func(v *View) string {
				if _, from := v.brokenFrame(); v.X.After.HTTP2.Sides[from].HTTP {
					return "HTTP/1 in place of a frame"
				}
				return ""
			},
			Fix: []Remedy{{"", "Do not offer h2c through a proxy, and do not forward Upgrade: h2c in one; use HTTP/2 over TLS"}},
		},
		{Text: "A fault in the HTTP/2 library of the side that sent the frame, or bytes lost or added on the way", Certainty: rules.Possible, Fix: []Remedy{
			{"", "Record the traffic on both sides of each proxy and compare the bytes at that offset"},
		}},
	},
})
