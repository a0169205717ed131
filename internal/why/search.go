package why

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxGiven is how many of the user's headers are taken away, one at a time.
const maxGiven = 6

// search looks for a handshake that the server accepts where none did so far.
func (w *walker) search(ctx context.Context, bad, browser *attempt) {
	if bad.x == nil {
		return
	}
	bad.regardless(browser)
	if again := w.send(ctx, "change", bad.once()); again.works() {
		w.found(changing(bad, again))
		return
	}
	w.redirected(bad)
	if bad.x.Outcome == wire.Switched { // what is wrong comes after the 101
		w.told(bad)
		return
	}
	if w.without(ctx, bad) || w.otherHost(ctx, bad) || w.subprotocols(ctx, bad) {
		return
	}
	if bad.notHere() && w.paths(ctx, bad) {
		return
	}
	if d, ok := w.againstPage(bad); ok {
		w.found(d)
		return
	}
	w.told(bad)
}

// regardless corrects a cause that rests on a missing Origin header if a browser, which sends one,
// gets the same answer.
func (a *attempt) regardless(browser *attempt) {
	for i := range a.diagnoses {
		if d := &a.diagnoses[i]; d.Basis == "no Origin header" && browser.x != nil && browser.status() == a.status() {
			d.Cause, d.Basis = "A firewall or the application rejects the client", "the same answer with an Origin header and without"
			d.Fix = "look at that time into the logs of the server and of the firewall: which rule, cookie, token or address is it about?"
		}
	}
}

// told records what a failing exchange tells itself.
func (w *walker) told(bad *attempt) {
	w.found(bad.diagnoses...)
	if d, ok := closedAtOnce(bad); ok && len(bad.diagnoses) == 0 {
		w.found(d)
	}
}

// againstPage compares the answer to a handshake with the one to a plain GET, where the handshake
// alone does not tell the cause.
func (w *walker) againstPage(bad *attempt) (d rules.Diagnosis, ok bool) {
	page := w.plainPage
	if page == nil || page.x.Response == nil || slices.ContainsFunc(bad.diagnoses, func(d rules.Diagnosis) bool { return d.Certainty > rules.Possible }) {
		return d, false
	}
	switch status := page.status(); {
	case (status == 502 || status == 503 || status == 504) && (bad.x.Response == nil || bad.status() == status):
		return deadBackend(page, bad), true
	case status == 404 && bad.status() == status && proxyIn(bad.x.Response) == "":
		return nothingHere(&w.target, bad), true
	case (status == 400 || status == 426 || status == 501) && bad.status() == status && bytes.Equal(page.x.Content, bad.x.Content):
		if proxy := proxyIn(bad.x.Response); proxy != "" {
			return lostOffer(bad, proxy), true
		}
	}
	return d, false
}

// proxyIn is the header of a response by which there is a proxy; empty if there is none.
func proxyIn(p *wire.Response) string {
	for v := range p.Values("Via") {
		return "Via: " + rules.Quote(printed.Cut(string(p.Text(v)), 60))
	}
	for v := range p.Values("Server") {
		name := strings.ToLower(string(p.Text(v)))
		for _, proxy := range []string{"nginx", "openresty", "apache", "envoy", "cloudflare", "caddy", "haproxy", "awselb", "varnish", "squid", "iis", "traefik"} {
			if strings.Contains(name, proxy) {
				return "Server: " + rules.Quote(printed.Cut(string(p.Text(v)), 60))
			}
		}
	}
	return ""
}

// given are the names of the headers of the user that may be taken away.
func (w *walker) given() (names []string) {
	for _, f := range w.target.Fields {
		fixed := slices.ContainsFunc([]string{"Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}, func(name string) bool {
			return wire.EqualFold(f.Name, name)
		})
		if !fixed && !slices.Contains(names, f.Name) && len(names) < maxGiven {
			names = append(names, f.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// rank is lower for the header that most often matters.
func rank(name string) int {
	if wire.EqualFold(name, "Origin") {
		return 0
	}
	return 1
}

// without takes the user's headers away, one at a time.
func (w *walker) without(ctx context.Context, bad *attempt) bool {
	for _, name := range w.given() {
		a := w.send(ctx, "change", bad.as(bad.what+" without "+name, form{h: &rules.Handshake{}}, []string{name}))
		if !a.works() {
			continue
		}
		if wire.EqualFold(name, "Origin") {
			w.found(rejectedOrigin(bad, w.target.origin()))
		} else {
			w.found(givenHeader(bad, name))
		}
		return true
	}
	return false
}

// otherHost tries other values of Host.
func (w *walker) otherHost(ctx context.Context, bad *attempt) bool {
	now, _ := bad.value("Host")
	var others []string
	if now != w.target.Host {
		others = append(others, w.target.Host)
	}
	if host, _, err := net.SplitHostPort(now); err == nil {
		others = append(others, host)
	}
	if status := bad.status(); (status == 400 || status == 403 || status == 421) && !wire.EqualFold(w.target.Name, "localhost") {
		others = append(others, "localhost") // development servers accept it
	}
	for _, host := range others {
		a := w.send(ctx, "change", bad.as("Handshake with Host "+rules.Quote(host), form{h: &rules.Handshake{Lines: []rules.Line{{Name: "Host", Value: host}}}}, []string{"Host"}))
		if a.works() {
			w.found(otherHost(bad, now, host))
			return true
		}
	}
	return false
}

// common are subprotocols that servers may insist on.
const common = "graphql-transport-ws, graphql-ws, mqtt, v12.stomp, actioncable-v1-json, wamp.2.json, ocpp1.6, sip"

// subprotocols offers subprotocols where the user offers none.
func (w *walker) subprotocols(ctx context.Context, bad *attempt) bool {
	if _, ok := bad.value("Sec-WebSocket-Protocol"); ok {
		return false
	}
	offer := form{h: &rules.Handshake{Lines: []rules.Line{{Name: "Sec-WebSocket-Protocol", Value: common}}}}
	a := w.send(ctx, "change", bad.as("Handshake with subprotocols", offer, []string{"Sec-WebSocket-Protocol"}))
	if a.works() {
		w.found(needsSubprotocol(bad, a))
		return true
	}
	return false
}

// notHere reports whether the answer may mean that there is no WebSocket at this path.
func (a *attempt) notHere() bool {
	if a.x.Response == nil {
		return a.x.Outcome == wire.Silent || a.x.Outcome == wire.Closed
	}
	switch status := a.status(); {
	case status == 400, status == 404, status == 405, status == 410, status == 421, status == 426, status == 501:
		return true
	default:
		return status >= 200 && status < 400
	}
}

// commonPaths are where servers have their WebSocket, in the order in which they are tried.
func commonPaths() []string {
	return []string{
		"/ws", "/", "/socket.io/?EIO=4&transport=websocket", "/websocket", "/graphql", "/cable", "/hub", "/socket", "/api/ws", "/live/websocket", "/chat",
	}
}

// maxPaths is how many paths are tried.
const maxPaths = 12

// paths tries the handshake at common paths.
func (w *walker) paths(ctx context.Context, bad *attempt) bool {
	path, query, hasQuery := strings.Cut(w.target.Path, "?")
	toggled := path + "/"
	if strings.HasSuffix(path, "/") {
		toggled = strings.TrimRight(path, "/")
	}
	all := commonPaths()
	if toggled != "" && toggled != "/" {
		if hasQuery {
			toggled += "?" + query
		}
		all = slices.Insert(all, 0, toggled)
	}
	redirected := bad.status()/100 == 3
	if redirected { // usually every path is
		all = all[:min(len(all), 1)]
	}
	all = slices.DeleteFunc(all, func(p string) bool { return p == w.target.Path })
	maybe := false
	for i, p := range all[:min(len(all), maxPaths)] {
		shown := p
		if i == 0 && p == toggled {
			shown = rules.Redaction{}.Target(p)
		}
		a := w.send(ctx, "path", bad.at(shown, p))
		if a.works() {
			w.found(elsewhere(&w.target, bad, shown))
			return true
		}
		if a.x == nil { // the walk ends here
			return false
		}
		if s := a.status(); (s == 101 || s == 401 || s == 403) && s != bad.status() {
			maybe = true
			w.note("At %s the answer is %d instead of %s: there may be a WebSocket there", shown, s, bad.short())
		}
	}
	if !redirected && !maybe {
		w.note("There is no WebSocket at the usual paths either")
	}
	return false
}
