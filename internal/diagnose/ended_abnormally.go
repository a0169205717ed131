package diagnose

import (
	"fmt"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "tunnel-no-close", Family: Ended, Stages: Over, Over: EveryVersion,
	Title: "The backend's side ended the tunnel without a Close frame",
	Why: `A WebSocket ends with a Close frame in both directions. A backend that ends the connection
without one has crashed, was stopped, or its handler returned; or a proxy between it and Interlock
gave up. A browser reports code 1006 and no reason.`,
	Refs: []rules.Ref{
		{RFC: "6455", Section: "7.1.5", Text: "code 1006 means that the connection ended without a Close frame"},
		{RFC: "6455", Section: "7.1.1", Text: "the closing handshake comes before the end of the connection"},
	},
	See: func(v *View) string {
		f := v.endsAs("tunnel-no-close")
		if f == nil {
			return ""
		}
		return fmt.Sprintf("%s ended the tunnel %s, %s", capital(f.by), f.lasted(), noClose)
	},
	Causes: []Cause{
		{
			Text: "The backend stopped in the middle of a frame: its process ended, or it gave up on the connection", Certainty: rules.Likely,
			Mark: func(v *View) string {
				if v.finish().own.Kind == wire.WordCut {
					return "the last frame is not complete"
				}
				return ""
			},
			Fix: closeProperly(),
		},
		{
			Text: "The backend accepts the handshake and then has no handler for the tunnel, or the handler fails at once", Certainty: rules.Possible,
			Mark: func(v *View) string {
				if f := v.finish(); f.Open < time.Second && f.own.Kind == wire.WordNothing {
					return "no byte came after the handshake, and the tunnel ended " + f.lasted()
				}
				return ""
			},
			Fix: append([]Remedy{{"", "Look into the log of the backend for an error at the time of the handshake"}}, closeProperly()...),
		},
		{
			Text: "The backend fails on the last message of the client: an error that its handler does not catch", Certainty: rules.Possible,
			Mark: func(v *View) string {
				f := v.finish()
				if f.First == "server" && f.Idle < time.Second || f.own.Kind == wire.WordNothing && f.Client.Kind != wire.WordNothing && f.Idle < time.Second {
					return "the last bytes came from the client, " + seconds(f.Idle) + " before the end"
				}
				return ""
			},
			Fix: append([]Remedy{{"", "Look into the log of the backend for an error at that time"}}, closeProperly()...),
		},
		{
			Text: "nginx ended it after proxy_read_timeout or proxy_send_timeout, or the server behind nginx ended it", Certainty: rules.Possible,
			Mark: silentAfter("nginx"), Fix: only(LongerTimeouts(), "nginx"), More: keepAlive,
		},
		{
			Text: "Envoy ended it after idle_timeout or stream_idle_timeout, or the server behind Envoy ended it", Certainty: rules.Possible,
			Mark: silentAfter("Envoy"), Fix: only(LongerTimeouts(), "Envoy"), More: keepAlive,
		},
		{Text: "The backend's process ended or was deployed anew, its handler returned, or a proxy in front of it was reloaded or timed out", Certainty: rules.Possible, Fix: closeProperly()},
	},
})

// silentAfter is a mark of a proxy between Interlock and the server, if no byte came for so long that
// a timeout of any length may have ended the tunnel.
func silentAfter(product string) mark {
	return func(v *View) string {
		if name, basis := v.HopAfter(); name == product && v.finish().Idle >= leastTime-leastWidth {
			return basis
		}
		return ""
	}
}

// closeProperly is how servers end a tunnel so that the client learns why.
func closeProperly() []Remedy {
	return []Remedy{
		{"Node (ws)", "socket.close(1001, 'restart') for each client when the process is told to end, not terminate() or process.exit()"},
		{"Go (gorilla/websocket)", "conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, \"\"), deadline) before conn.Close()"},
		{"Go (coder/websocket)", "defer conn.Close(websocket.StatusInternalError, \"\") and conn.Close(websocket.StatusNormalClosure, \"\") at the end"},
		{"Python (websockets)", "await websocket.close(1011, \"reason\") where the handler catches an error"},
		{"Spring", "session.close(CloseStatus.SERVER_ERROR) in handleTransportError"},
		{"nginx", "worker_shutdown_timeout ends tunnels after a reload: make it longer, or let clients reconnect"},
	}
}

var _ = register(Kind{
	ID: "tunnel-reset", Family: Ended, Stages: Over,
	Title: "One side broke the connection of the tunnel with a reset",
	Why: `A reset (TCP RST) means that a process ended or closed its socket while bytes were unread, or
that a device on the way rejects the connection because it does not know it any more. Bytes that were
on their way may be lost. A browser reports code 1006.`,
	Refs: []rules.Ref{
		{RFC: "6455", Section: "7.1.5", Text: "code 1006 means that the connection ended without a Close frame"},
		{RFC: "9293", Section: "3.5.2", Text: "when a TCP endpoint sends a reset"},
	},
	See: func(v *View) string {
		f := v.endsAs("tunnel-reset")
		if f == nil {
			return ""
		}
		return fmt.Sprintf("%s reset the connection of the tunnel %s, %s", capital(f.by), f.lasted(), noClose)
	},
	Causes: []Cause{
		{
			Text: "A firewall, NAT gateway or load balancer had forgotten the idle connection, or a process ended", Certainty: rules.Possible,
			Mark: func(v *View) string {
				if f := v.finish(); f.Idle >= time.Minute {
					return seconds(f.Idle) + " without a byte"
				}
				return ""
			},
			Fix: LongerTimeouts(), More: keepAlive,
		},
		{
			Text: "The backend's process was killed, or it closed the socket with messages of the client unread", Certainty: rules.Possible,
			Mark: func(v *View) string {
				if f := v.finish(); f.by == "the backend" {
					return "the reset came from the side of the backend"
				}
				return ""
			},
			Fix: closeProperly(),
		},
		{Text: "The client's process was killed, its machine went to sleep, or it closed the socket with messages of the backend unread", Certainty: rules.Possible, Fix: []Remedy{
			{"", "Nothing to change at the server: let the client send a Close frame and read until the server's Close frame comes"},
		}},
	},
})

var _ = register(Kind{
	ID: "tunnel-lost", Family: Ended, Stages: Over,
	Title: "One side of the tunnel no longer answers: the system gave up on the connection",
	Why: `Neither side closed the connection. What was sent to one side was not acknowledged, and after minutes
the system gave up (ETIMEDOUT, or the network says that the host cannot be reached). The machine is
off or asleep, its network changed, or the way to it is interrupted.`,
	Refs: []rules.Ref{{RFC: "9293", Section: "3.8.3", Text: "a TCP endpoint gives up on a connection whose segments are not acknowledged"}},
	See: func(v *View) string {
		f := v.endsAs("tunnel-lost")
		if f == nil {
			return ""
		}
		return fmt.Sprintf("The connection to %s broke %s: it no longer answered", f.by, f.lasted())
	},
	Causes: []Cause{
		{
			Text: "The machine of the backend is down, or the network between Interlock and the backend is interrupted", Certainty: rules.Likely,
			Mark: func(v *View) string {
				if v.finish().by == "the backend" {
					return "no segment was acknowledged"
				}
				return ""
			},
			Fix: []Remedy{{"", "Check the machine of the backend and the way to it at that time"}},
		},
		{Text: "The client's machine is asleep or off, or its network changed", Certainty: rules.Possible, Fix: []Remedy{
			{"", "Nothing to change at the server. Pings from the server find such clients sooner; let the client reconnect when it is back"},
		}},
	},
})

var _ = register(Kind{
	ID: "tunnel-alert", Family: Ended, Stages: Over,
	Title: "The last bytes in the tunnel are a TLS alert",
	Why: `After the 101 both sides speak WebSocket. A TLS alert there says that one side believes to speak
TLS: two layers of TLS, a port that expects TLS, or a proxy that terminates TLS on one side only.`,
	Refs: []rules.Ref{{RFC: "8446", Section: "6", Text: "an alert ends a TLS connection, with the reason"}},
	See: func(v *View) string {
		f := v.endsAs("tunnel-alert")
		if f == nil {
			return ""
		}
		who := "The backend"
		if f.Client.Kind == wire.WordAlert {
			who = "The client"
		}
		return fmt.Sprintf("%s sent a TLS alert into the WebSocket tunnel as its last bytes, and %s ended it %s", who, f.by, f.lasted())
	},
	Causes: []Cause{{Text: "TLS on one side of a proxy meets plain text on the other side", Certainty: rules.Possible, Fix: []Remedy{
		{"nginx", "proxy_pass https://backend; for a backend that speaks TLS, proxy_pass http://backend; for one that does not"},
		{"HAProxy", "ssl verify required ca-file FILE at the server line of a backend that speaks TLS"},
	}}},
})

var _ = register(Kind{
	ID: "tunnel-ended-here", Family: Ended, Stages: Over,
	Title: "Interlock itself ended the tunnel",
	Why:   `Interlock ends tunnels when it stops (limits.drain) and when a limit is reached.`,
	See: func(v *View) string {
		x := v.X
		if x.Origin.Ours() || x.Blocked || x.After.End == nil || len(x.Lossy) > 0 {
			return ""
		}
		f := finish{End: x.After.End}
		switch x.Cause {
		case wire.CauseDrain:
			return fmt.Sprintf("Interlock ended the tunnel %s, because it was stopped", f.lasted())
		case wire.CauseTimeout:
			return fmt.Sprintf("Interlock ended the tunnel %s, because a limit was reached", f.lasted())
		}
		return ""
	},
	Causes: []Cause{
		{
			Text: "Interlock was told to stop, and the tunnel was still open at the end of limits.drain", Certainty: rules.Certain,
			Mark: func(v *View) string {
				if v.X.Cause == wire.CauseDrain {
					return "cause drain"
				}
				return ""
			},
			Fix: []Remedy{{"Interlock", "limits: {drain: 5m} gives tunnels more time to end; let clients reconnect"}},
		},
		{Text: "A time limit of Interlock", Certainty: rules.Possible, Fix: []Remedy{{"Interlock", "limits: {half_closed: 1h}; the log event connection timed out says which limit it was"}}},
	},
})
