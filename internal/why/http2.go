package why

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// http2 goes down the way of a WebSocket over HTTP/2: does the server speak it, does it offer WebSockets in it, and
// does it accept an extended CONNECT? What fails only there is explained by the exchange alone: in HTTP/1.1 the path
// and the headers are good.
func (w *walker) http2(ctx context.Context) {
	alone := w.target.HTTP == probe.HTTP2
	page := w.send(ctx, "get", w.get().in2())
	switch {
	case errors.Is(page.err, probe.ErrNotHTTP2):
		if alone {
			w.found(noHTTP2(&w.target, page))
		} else {
			w.note("The server does not speak HTTP/2: %s", page.answer(w.settings.Timeout))
		}
		return
	case page.x == nil:
		if ctx.Err() == nil {
			w.found(noConnection(w.address, w.target.Port, page.err))
		}
		return
	}
	if page.x.Stream.Offered != wire.OfferYes {
		w.unoffered(alone)
		return
	}
	if alone {
		w.plainPage = page
	}
	good, all := w.handshakes(ctx, form.in2)
	w.followed(all[0])
	switch {
	case good != nil:
		w.differ(ctx, good, all)
		for _, d := range good.diagnoses { // of the tunnel
			w.note("%s. %s", fromHere(d).Text, d.Cause)
		}
	case w.works1:
		w.told(all[0])
		if !slices.ContainsFunc(all[0].diagnoses, func(d rules.Diagnosis) bool { return d.Certainty >= rules.Likely }) {
			w.found(onlyHTTP1(all[0]))
		}
	case alone:
		w.search(ctx, all[0], all[1])
	default:
		w.told(all[0])
	}
}

// followed notes what became of the connection of a handshake.
func (w *walker) followed(a *attempt) {
	if a.x == nil || a.x.Follow == nil {
		return
	}
	how := map[string]string{
		wire.LostGoAway: "the server ended it by GOAWAY", wire.LostEnd: "the server ended it without GOAWAY", wire.LostReset: "the next request on it was reset",
		wire.LostBlind: "what the server sent on it after that is not HTTP/2", wire.LostSilent: "the next request on it got no answer",
	}[a.x.Follow.Lost]
	if how != "" {
		w.note("The connection was lost with the handshake or its tunnel: %s. All other requests and tunnels on it fail at the same time (interlock diagnoses h2-connection-ended)", how)
	}
}

// unoffered is about a server that speaks HTTP/2 without WebSockets in it. Alone says that nothing else was tried.
func (w *walker) unoffered(alone bool) {
	if !alone {
		w.note("The server speaks HTTP/2 and does not offer WebSockets in it (SETTINGS_ENABLE_CONNECT_PROTOCOL): browsers open a connection in HTTP/1.1 for them")
		return
	}
	w.take(Step{Name: "handshake", What: w.plain().in2().what, HTTP: "2", Answer: "not sent: the SETTINGS of the server do not offer WebSockets over HTTP/2"})
	w.found(notOffered())
}

// notOffered explains a server that speaks HTTP/2 without WebSockets in it, by the diagnosis of those that were asked
// for one all the same.
func notOffered() rules.Diagnosis {
	k := diagnose.Find("h2-setting-missing")
	var fix []string
	for _, r := range k.Causes[0].Fix {
		fix = append(fix, r.String())
	}
	d := certain("", "The server speaks HTTP/2, and its SETTINGS do not offer WebSockets in it: browsers open a second connection, in HTTP/1.1, for them", k.Causes[0].Text, fix...)
	d.ID = k.ID
	return d
}

// noHTTP2 explains a server that does not speak HTTP/2.
func noHTTP2(t *Target, page *attempt) rules.Diagnosis {
	said := ""
	var target *probe.TargetError
	if errors.As(page.err, &target) && target.Err != nil {
		said = ": " + target.Err.Error()
	}
	if t.TLS != nil {
		return certain("no-http2", fmt.Sprintf("What listens at port %s does not speak HTTP/2%s", t.Port, said), "HTTP/2 is turned off, or ends at another server in front of this one",
			"client: leave out --http 2; browsers then use HTTP/1.1 too", "server: offer h2 by ALPN")
	}
	return certain("no-http2", "What listens at port "+t.Port+" does not answer the preface of HTTP/2 in plain text", "The server speaks HTTP/1.1 there, or HTTP/2 only in TLS",
		"client: use ws://"+t.Host+t.Shown+", which browsers open over HTTP/1.1", "server: take HTTP/2 without TLS by prior knowledge (RFC 9113, section 3.3)")
}

// onlyHTTP1 explains a handshake that is accepted in HTTP/1.1 alone.
func onlyHTTP1(bad *attempt) rules.Diagnosis {
	return certain("only-http1", fmt.Sprintf("The same handshake gets 101 in HTTP/1.1, and %s in HTTP/2, where the server offers WebSockets", bad.short()),
		"What ends HTTP/2 does not bring the extended CONNECT to the WebSocket server, or checks it in another way",
		"server: leave SETTINGS_ENABLE_CONNECT_PROTOCOL out until the whole path supports RFC 8441: browsers then open their WebSockets over HTTP/1.1",
		"HAProxy: h2-workaround-bogus-websocket-clients in global",
		"interlock: probe --http both tests what each version accepts")
}
