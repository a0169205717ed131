package chain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func headers() []Probe {
	malformed := func(id, label string, edit func(string) string) Probe {
		return Probe{ID: id, Label: label, Want: "400", Shared: true, run: func(t *attempt) { sendsMalformed(t, edit) }}
	}
	return []Probe{
		{ID: "CHAIN-NOMINATE", Label: "A handshake that nominates X-Nominated in Connection", Want: "X-Nominated does not reach the backend", Shared: true, run: nominates},
		{ID: "CHAIN-NOMINATE-AUTH", Label: "A handshake that nominates Authorization and Cookie", Want: "A fact", Shared: true, run: nominatesCredentials},
		{ID: "CHAIN-NOMINATE-XFF", Label: "A handshake that nominates the headers by which a hop says who the client is", Want: "The hop's own values reach the backend", Shared: true, run: nominatesIdentity},
		{ID: "CHAIN-NOMINATE-HOST", Label: "A handshake that nominates Host", Want: "One Host at the backend", Shared: true, run: func(t *attempt) {
			o := t.offer(plan{}, rules.Set("Connection", "Upgrade, Host"))
			if o.at == nil {
				t.note(o.self())
			}
		}},
		{ID: "CHAIN-HOST-DUP", Label: "A handshake with two Host headers", Want: "400", Shared: true, run: twoHosts},
		malformed("CHAIN-SPACE-COLON", "Upgrade : websocket, a space before the colon", func(s string) string { return strings.Replace(s, "Upgrade: ", "Upgrade : ", 1) }),
		malformed("CHAIN-OBS-FOLD", "An Upgrade header on two lines", func(s string) string { return strings.Replace(s, "Upgrade: ", "Upgrade:\r\n ", 1) }),
		malformed("CHAIN-BARE-LF", "A handshake with LF line ends", func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }),
		malformed("CHAIN-CTL", "A NUL in a header value", func(s string) string { return strings.Replace(s, "\r\n\r\n", "\r\nX-Ctl: a\x00b\r\n\r\n", 1) }),
		{ID: "CHAIN-UNDERSCORE", Label: "A handshake with X_Forwarded_For, X_Forwarded_User and Sec_WebSocket_Protocol", Want: "They do not reach the backend", Shared: true, run: underscores},
		{ID: "CHAIN-ADVERT", Label: "A GET; the backend advertises Upgrade: h2,h2c", Want: "Both headers or none reach the client", Shared: true, run: advertises},
	}
}

// nominates compares with the same request without an offer, which nominates the header as well.
func nominates(t *attempt) {
	nominated := rules.Set("X-Nominated", "n1")
	o := t.offer(plan{}, rules.Set("Connection", "Upgrade, X-Nominated"), nominated)
	if o.at == nil {
		t.note(o.self())
		return
	}
	if !o.at.request.Has("X-Nominated") {
		return
	}
	t.alsoKept([]string{"X-Nominated"}, nominated)
}

// alsoKept looks whether a request without an offer keeps headers too that it nominates.
func (t *attempt) alsoKept(names []string, edits ...rules.Edit) {
	t.kept()
	id := t.id(plan{})
	t.answer(t.say(t.plain(id, append(edits, rules.Set("Connection", strings.Join(names, ", ")))...)), 1)
	p := t.reached(id)
	if p != nil && slices.ContainsFunc(names, func(name string) bool { return p.request.Has(name) }) {
		t.see(wire.SightTwin, "")
	}
}

func nominatesCredentials(t *attempt) {
	names := []string{"Authorization", "Cookie"}
	credentials := rules.Edits(t.unlessOwn("Authorization", "Basic YTpi"), t.unlessOwn("Cookie", "a=1"))
	o := t.offer(plan{}, rules.Set("Connection", "Upgrade, Authorization, Cookie"), credentials)
	if o.at == nil {
		t.kept()
		if known := t.offer(plan{}, credentials); known.at == nil {
			t.nothing(fmt.Sprintf("the proxy answers %d to a handshake with credentials that it does not know: give its own with -H", status(known.got)))
			return
		}
		t.note(o.self())
		return
	}
	kept := false
	for _, name := range names {
		has := o.at.request.Has(name)
		if kept = kept || has; has {
			t.note(name + " kept")
		} else {
			t.note(name + " removed")
		}
	}
	if kept {
		t.alsoKept(names, credentials)
	}
}

// unlessOwn sets a header that the user's own headers do not have.
func (t *attempt) unlessOwn(name, value string) rules.Edit {
	if slices.ContainsFunc(t.hop.Fields, func(f [2]string) bool { return wire.EqualFold(f[0], name) }) {
		return rules.Edits()
	}
	return rules.Set(name, value)
}

// nominatesIdentity looks for headers that the hop adds to a handshake, and not where the client
// nominates them.
func nominatesIdentity(t *attempt) {
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
		t.see(wire.SightIdentityLost, strings.Join(lost, ", "))
	}
}

func twoHosts(t *attempt) {
	if o := t.offer(plan{}, rules.Twice("Host", "evil.invalid")); o.at == nil {
		t.note(o.self())
	}
}

// sendsMalformed sends a handshake that a hop must reject.
func sendsMalformed(t *attempt, edit func(string) string) {
	id := t.id(plan{})
	if o := t.follow(t.say(edit(t.handshake(id))), id); o.at == nil {
		t.note(o.self())
	}
}

func underscores(t *attempt) {
	var edits []rules.Edit
	for _, name := range []string{"X_Forwarded_For", "X_Forwarded_User", "Sec_WebSocket_Protocol"} {
		edits = append(edits, rules.Set(name, "u1"))
	}
	if o := t.offer(plan{}, edits...); o.at == nil {
		t.note(o.self())
	}
}

func advertises(t *attempt) {
	id := t.id(plan{func(a *arrival) reply {
		return says(respond(200, "body-"+a.id, "Upgrade: h2,h2c", "Connection: Upgrade"))
	}})
	if m := t.answer(t.say(t.plain(id)), 1); m == nil || m.Status != 200 {
		t.nothing("no answer")
	}
}
