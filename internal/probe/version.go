package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An HTTP says which versions of HTTP a run speaks.
type HTTP uint8

// The versions. The zero value is HTTP/1.1.
const (
	HTTP1  HTTP = iota
	HTTP2       // without TLS by prior knowledge (RFC 9113 §3.3)
	Both        // one after the other
	Chosen      // Both over TLS, if the server chooses HTTP/2 by ALPN and offers extended CONNECT there; else HTTP/1.1
	Seen        // Both, as HTTP/2 was seen there; if HTTP/1.1 is not spoken, HTTP/2 alone
)

// Versions returns the names of versions that [ParseHTTP] reads.
func Versions() []string { return []string{"1.1", "2", "both"} }

// ParseHTTP reads the name of versions; without one it is Chosen.
func ParseHTTP(name string) (HTTP, error) {
	switch name {
	case "":
		return Chosen, nil
	case "1.1":
		return HTTP1, nil
	case "2":
		return HTTP2, nil
	case "both":
		return Both, nil
	}
	return 0, fmt.Errorf("must be 1.1, 2 or both, not %q", name)
}

// Speaking returns the probes that a run can send that speaks these versions, with TLS or without.
func Speaking(probes []*rules.Probe, version HTTP, secure bool) []*rules.Probe {
	if version == Chosen && !secure {
		version = HTTP1
	}
	return slices.DeleteFunc(slices.Clone(probes), func(p *rules.Probe) bool {
		return version == HTTP1 && p.HTTP2() || version == HTTP2 && !p.HTTP2()
	})
}

// noCommonProtocol is the alert of a server that takes none of the protocols of ALPN (RFC 7301 §3.2), as an
// error of crypto/tls names it.
const noCommonProtocol = "no application protocol"

// withoutHTTP1 reports whether a run goes on in HTTP/2 alone, as its target does not speak HTTP/1.1.
func (r *run) withoutHTTP1(err error) bool {
	if r.settings.HTTP != Seen || !errors.Is(err, ErrOnlyHTTP2) && !strings.Contains(err.Error(), noCommonProtocol) {
		return false
	}
	r.settings.HTTP, r.families = HTTP2, nil
	return true
}

// climb2 sends the controls of HTTP/2 before the first probe: a plain request and, where the server
// offers extended CONNECT, a WebSocket. A server without HTTP/2 is an error only if nothing else is
// spoken.
func (r *run) climb2(ctx context.Context) error {
	plain := r.family(rules.HTTP2Plain, "CTRL-H2-GET")
	a, err := r.meet(ctx, plain)
	var target *TargetError
	switch {
	case errors.As(err, &target) && errors.As(target.Err, new(*alpnError)):
		r.report.HTTP2 = target.Err.Error()
	case err != nil:
		return err
	case a.x.Stream == nil || !a.spoke:
		r.report.HTTP2 = "the server does not answer the preface of HTTP/2"
	case a.x.Stream.Offered != wire.OfferYes:
		r.report.HTTP2 = "the server does not offer WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL)"
		r.spoken = true
	default:
		r.spoken, r.offered = true, true
	}
	if !r.spoken {
		r.families = slices.DeleteFunc(r.families, func(f *family) bool { return f == plain })
		if r.settings.HTTP == HTTP2 {
			return &TargetError{r.target.Address, ErrNotHTTP2, errors.New(r.report.HTTP2)}
		}
		return nil
	}
	if err := r.confirm(ctx, plain); err != nil {
		return err
	}
	best := plain
	if r.offered {
		f := r.family(rules.HTTP2WebSocket, "CTRL-H2-WS")
		if _, err := r.meet(ctx, f); err != nil {
			return err
		}
		if f.takes(f.control.Exchange) {
			if err := r.confirm(ctx, f); err != nil {
				return err
			}
		}
		if f.accepted {
			best = f
		}
	}
	if r.alive == nil {
		r.alive = best
	}
	return nil
}

// unspoken returns why a probe in HTTP/2 is not sent to this server, or "" if it is.
func (r *run) unspoken(p *rules.Probe) string {
	switch {
	case !p.HTTP2():
		return ""
	case !r.spoken:
		return r.report.HTTP2
	case p.Unoffered && r.offered:
		return "the server offers WebSockets over HTTP/2"
	case p.Control == rules.HTTP2WebSocket && !r.offered:
		return r.report.HTTP2
	case p.Versions && !slices.ContainsFunc(r.families, func(f *family) bool { return f.control.Protocol == "websocket" && f.accepted }):
		return "compares with HTTP/1.1, where no valid handshake was accepted"
	}
	return ""
}

// takes reports whether the server accepts the control of the family. In HTTP/2 a plain request says
// something about others if it is answered at all.
func (f *family) takes(x *wire.Exchange) bool {
	if f.control.Protocol != rules.HTTP2Plain {
		return rules.Accepted(x)
	}
	p := x.Response
	return p != nil && p.Status >= 200 && p.Status < 500 && p.Status != 429
}
