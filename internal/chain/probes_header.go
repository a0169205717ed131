package chain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

func headers() []Probe {
	malformed := func(id, label string, s rules.Severity, verdict rules.Verdict, edit func(string) string, kept func(raw string) bool) Probe {
		return Probe{ID: id, Label: label, Want: "400", Rule: "UPGRADE-HOP-SYNTAX", Shared: true, run: func(t *trial) {
			sendsMalformed(t, label, s, verdict, edit, kept)
		}}
	}
	return []Probe{
		{ID: "CHAIN-NOMINATE", Label: "A handshake that nominates X-Nominated in Connection", Want: "X-Nominated does not reach the backend", Rule: "UPGRADE-HOP-NOMINATED-KEPT", Shared: true, run: nominates},
		{ID: "CHAIN-NOMINATE-AUTH", Label: "A handshake that nominates Authorization and Cookie", Want: "A fact", Rule: "UPGRADE-HOP-NOMINATED-KEPT", Shared: true, run: nominatesCredentials},
		{ID: "CHAIN-NOMINATE-XFF", Label: "A handshake that nominates the headers by which a hop says who the client is", Want: "The hop's own values reach the backend", Rule: "UPGRADE-HOP-IDENTITY-LOST", Shared: true, run: nominatesIdentity},
		{ID: "CHAIN-NOMINATE-HOST", Label: "A handshake that nominates Host", Want: "One Host at the backend", Rule: "UPGRADE-HOP-IDENTITY-LOST", Shared: true, run: func(t *trial) {
			o := t.offer(plan{}, rules.Set("Connection", "Upgrade, Host"))
			if o.at == nil {
				t.note(o.self())
			} else if n := o.at.request.Count("Host"); n != 1 {
				t.fail(rules.High, "UPGRADE-HOP-IDENTITY-LOST", fmt.Sprintf("%d-Host", n), "Hop sends a request on with %d Host headers, as the client nominated Host in Connection", n)
			}
		}},
		{ID: "CHAIN-HOST-DUP", Label: "A handshake with two Host headers", Want: "400", Rule: "UPGRADE-HOP-SYNTAX", Shared: true, run: twoHosts},
		malformed("CHAIN-SPACE-COLON", "Upgrade : websocket, a space before the colon", rules.High, rules.Fail,
			func(s string) string { return strings.Replace(s, "Upgrade: ", "Upgrade : ", 1) }, func(raw string) bool {
				return strings.Contains(raw, "pgrade :") || strings.Contains(strings.ToLower(raw), "\nupgrade:")
			}),
		malformed("CHAIN-OBS-FOLD", "An Upgrade header on two lines", rules.Medium, rules.Fail,
			func(s string) string { return strings.Replace(s, "Upgrade: ", "Upgrade:\r\n ", 1) }, func(raw string) bool { return strings.Contains(raw, "\n ") }),
		malformed("CHAIN-BARE-LF", "A handshake with LF line ends", rules.Medium, rules.Warn,
			func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }, func(raw string) bool { return !strings.Contains(raw, "\r\n") }),
		malformed("CHAIN-CTL", "A NUL in a header value", rules.High, rules.Fail,
			func(s string) string { return strings.Replace(s, "\r\n\r\n", "\r\nX-Ctl: a\x00b\r\n\r\n", 1) }, func(raw string) bool { return strings.Contains(raw, "\x00") }),
		{ID: "CHAIN-UNDERSCORE", Label: "A handshake with X_Forwarded_For, X_Forwarded_User and Sec_WebSocket_Protocol", Want: "They do not reach the backend", Rule: "UPGRADE-HOP-FIELDS", Shared: true, run: underscores},
		{ID: "CHAIN-ADVERT", Label: "A GET; the backend advertises Upgrade: h2,h2c", Want: "Both headers or none reach the client", Rule: "UPGRADE-HOP-FIELDS", Shared: true, run: advertises},
	}
}

// nominates compares with the same request without an offer, which nominates the header as well.
func nominates(t *trial) {
	nominated := rules.Set("X-Nominated", "n1")
	o := t.offer(plan{}, rules.Set("Connection", "Upgrade, X-Nominated"), nominated)
	if o.at == nil {
		t.note(o.self())
		return
	}
	if !o.at.request.Has("X-Nominated") {
		return
	}
	id := t.id(plan{})
	t.answer(t.say(t.plain(id, rules.Set("Connection", "X-Nominated"), nominated)), 1)
	twin := ""
	if p := t.reached(id); p != nil && p.request.Has("X-Nominated") {
		twin = "; other requests keep it too, so this is not an upgrade fault"
	}
	t.fail(rules.Medium, "UPGRADE-HOP-NOMINATED-KEPT", "kept", "Hop sends a header on that Connection nominates for removal: X-Nominated%s", twin)
}

func nominatesCredentials(t *trial) {
	o := t.offer(plan{}, rules.Set("Connection", "Upgrade, Authorization, Cookie"), rules.Set("Authorization", "Basic YTpi"), rules.Set("Cookie", "a=1"))
	if o.at == nil {
		t.note(o.self())
		return
	}
	for _, name := range []string{"Authorization", "Cookie"} {
		if o.at.request.Has(name) {
			t.note(name + " kept")
		} else {
			t.note(name + " removed")
		}
	}
}

// nominatesIdentity looks for headers that the hop adds to a handshake, and not where the client
// nominates them.
func nominatesIdentity(t *trial) {
	all := []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP", "Forwarded", "Via"}
	id := t.id(plan{})
	t.answer(t.say(t.handshake(id)), 1)
	twin := t.reached(id)
	if twin == nil {
		t.nothing("the valid handshake did not reach the backend")
		return
	}
	added := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !twin.request.Has(name) })
	if len(added) == 0 {
		t.nothing("the hop adds no such header")
		return
	}
	id = t.id(plan{})
	l := t.say(t.handshake(id, rules.Set("Connection", "Upgrade, "+strings.Join(added, ", "))))
	m := t.answer(l, 1)
	t.main, t.mainID = l, id
	a := t.reached(id)
	if a == nil {
		t.note(fmt.Sprintf("self%d", status(m)))
		return
	}
	lost := slices.DeleteFunc(added, func(name string) bool { return a.request.Has(name) })
	if len(lost) > 0 {
		t.fail(rules.High, "UPGRADE-HOP-IDENTITY-LOST", "lost:"+strings.Join(lost, ","), "Hop does not say who the client is, as the client nominated these headers in Connection: %s", strings.Join(lost, ", "))
	}
}

func twoHosts(t *trial) {
	o := t.offer(plan{}, rules.Twice("Host", "evil.invalid"))
	switch {
	case o.at == nil:
		t.note(o.self())
	case o.at.request.Count("Host") > 1:
		t.fail(rules.High, "UPGRADE-HOP-SYNTAX", "both", "Hop forwards a request with two Host headers")
	default:
		host, _ := o.at.request.Value("Host")
		t.fail(rules.Medium, "UPGRADE-HOP-SYNTAX", "one", "Hop chooses one of two Host headers instead of rejecting the request: %q", host)
	}
}

// sendsMalformed sends a handshake that a hop must reject, and looks for it at the sink.
func sendsMalformed(t *trial, label string, s rules.Severity, v rules.Verdict, edit func(string) string, kept func(raw string) bool) {
	id := t.id(plan{})
	l := t.say(edit(t.handshake(id)))
	o := t.follow(l, id)
	switch {
	case o.at == nil:
		t.note(o.self())
	case !kept(string(o.at.request.Raw)):
		t.note("repaired")
	default:
		t.marks = append(t.marks, Mark{"UPGRADE-HOP-SYNTAX", v, s, "forwarded", "Hop passes a malformed upgrade request on: " + label})
	}
}

func underscores(t *trial) {
	sent := []string{"X_Forwarded_For", "X_Forwarded_User", "Sec_WebSocket_Protocol"}
	var edits []rules.Edit
	for _, name := range sent {
		edits = append(edits, rules.Set(name, "u1"))
	}
	o := t.offer(plan{}, edits...)
	if o.at == nil {
		t.note(o.self())
		return
	}
	kept := slices.DeleteFunc(sent, func(name string) bool { return !o.at.request.Has(name) })
	if len(kept) > 0 {
		t.warn(rules.Low, "UPGRADE-HOP-FIELDS", "forwarded", "Hop forwards header names with underscores, which backends such as CGI read as those with hyphens: %s", strings.Join(kept, ", "))
	}
}

func advertises(t *trial) {
	id := t.id(plan{func(a *arrival) reply {
		return says(respond(200, "body-"+a.id, "Upgrade: h2,h2c", "Connection: Upgrade"))
	}})
	m := t.answer(t.say(t.plain(id)), 1)
	if m == nil || m.Status != 200 {
		t.nothing("no answer")
		return
	}
	switch header, option := m.Has("Upgrade"), m.HasOption("upgrade"); {
	case header && !option:
		t.warn(rules.Medium, "UPGRADE-HOP-FIELDS", "upgrade-kept", "Hop passes the backend's Upgrade on to the client, which is for one hop only, without Connection")
	case header:
		t.warn(rules.Low, "UPGRADE-HOP-FIELDS", "both-kept", "Hop passes the backend's advertisement of h2 on to the client")
	}
}
