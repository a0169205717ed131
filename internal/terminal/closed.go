package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
)

// closed is the line of a tunnel that is over.
func (c *Console) closed(x *wire.Exchange) string {
	open := x.After.Open
	if x.After.End != nil {
		open = x.After.End.Open
	}
	text := fmt.Sprintf("%s tunnel closed by %s after %v", c.Mark("dim", "·", "."), closedBy(closer(x)), open.Round(time.Millisecond))
	if end := x.After.End; end != nil {
		if end.Idle >= time.Second {
			text += fmt.Sprintf(", idle for %v", end.Idle.Round(time.Millisecond))
		}
		if how := closedHow(x, end); how != "" {
			text += ", " + how
		}
	}
	text += fmt.Sprintf("   %s %s %s %s", c.symbol("↑", "up"), printed.Size(x.After.ClientBytes), c.symbol("↓", "down"), printed.Size(x.After.ServerBytes))
	return strings.Join(append([]string{text}, named("client", x.Client, "exchange", x.ID)...), "   ")
}

// closer is the cause of the end of a tunnel or, if there was a Close frame, who sent the first one:
// the other side may end the connection before it.
func closer(x *wire.Exchange) wire.Cause {
	end := x.After.End
	if end == nil || x.Cause != wire.CauseClient && x.Cause != wire.CauseServer {
		return x.Cause
	}
	client, server := end.Client.Kind == wire.WordClose, end.Server.Kind == wire.WordClose
	switch {
	case client && (!server || end.First == "client"):
		return wire.CauseClient
	case server && (!client || end.First == "server"):
		return wire.CauseServer
	}
	return x.Cause
}

// closedBy says who ended a tunnel.
func closedBy(cause wire.Cause) string {
	switch cause {
	case wire.CauseServer:
		return "backend"
	case wire.CauseServerReset:
		return "backend (reset)"
	case wire.CauseClientReset:
		return "client (reset)"
	case wire.CauseDrain, wire.CauseTimeout, wire.CauseBlocked:
		return "Interlock (" + string(cause) + ")"
	}
	return string(cause)
}

// closedHow says how a tunnel ended: a WebSocket tunnel by which Close frame, or without one, h2c by
// which GOAWAY, and TLS by which alert.
func closedHow(x *wire.Exchange, end *wire.End) string {
	first, second := end.Client, end.Server
	if end.First == "server" {
		first, second = second, first
	}
	switch x.Protocol() {
	case "websocket":
	case "h2c":
		return goneWith(first, second)
	case "tls":
		return alerted(x.After.TLS)
	default:
		return ""
	}
	for _, w := range [...]wire.Word{first, second} {
		if w.Kind != wire.WordClose {
			continue
		}
		text := fmt.Sprintf("close code %d", w.Code)
		if w.Code == wire.NoCode {
			text = "close without a code"
		}
		if w.Reason != "" {
			text += ` "` + rules.ShownReason(w.Reason) + `"`
		}
		return text
	}
	switch {
	case end.Lost:
		return "no longer answered (1006)"
	case first.Kind == "" || second.Kind == "":
		return ""
	}
	return "without a Close frame (1006)"
}

// goneWith names the GOAWAY of a tunnel, the one that reports an error if there are two.
func goneWith(first, second wire.Word) (text string) {
	for _, w := range [...]wire.Word{second, first} {
		if w.Kind == wire.WordGoAway && (w.Code != 0 || text == "") {
			text = "GOAWAY " + h2.Code(w.Code).String()
		}
	}
	return text
}

// alerted names the alert that ended a TLS handshake.
func alerted(f *tlsrec.Facts) string {
	if f == nil {
		return ""
	}
	for i := range f.Sides {
		if a := f.Sides[i].Alert; a != nil && a.Fatal {
			return "TLS alert " + a.Description.String()
		}
	}
	return ""
}
