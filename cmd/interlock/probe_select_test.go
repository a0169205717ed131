package main

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		only, skip, want, not string
	}{
		{only: "UPGRADE-POST", want: "UPGRADE-POST", not: "UPGRADE-POST-CL0"},
		{only: "comp-upgrade-post", want: "UPGRADE-POST", not: "CTRL-WS"},
		{only: "*-method-*", want: "UPGRADE-METHOD-PUT", not: "UPGRADE-POST"},
		{skip: "COMP-UPGRADE-METHOD-*", want: "UPGRADE-POST", not: "UPGRADE-METHOD-PUT"},
		{only: "upgrade-*", skip: "upgrade-post", want: "UPGRADE-POST-CL0", not: "UPGRADE-POST"},
	} {
		got, err := selectProbes(rules.Probes(), patterns(c.only), patterns(c.skip))
		var ids []string
		for _, p := range got {
			ids = append(ids, p.ID)
		}
		text := " " + strings.Join(ids, " ") + " "
		if err != nil || !strings.Contains(text, " "+c.want+" ") || strings.Contains(text, " "+c.not+" ") {
			t.Errorf("%+v: got%s, %v", c, text, err)
		}
	}
	for _, c := range []struct{ only, skip, want string }{
		{only: "UPGRADE-PSOT", want: "--only: no probe \"UPGRADE-PSOT\"; did you mean UPGRADE-POST?"},
		{skip: "upgrade-psot*", want: "did you mean UPGRADE-POST"},
		{only: "nothing-like-it", want: "interlock probe --list lists them"},
		{only: "[", want: "is no glob"},
		{only: "UPGRADE-POST", skip: "UPGRADE-P*", want: "leave no probe"},
	} {
		if _, err := selectProbes(rules.Probes(), patterns(c.only), patterns(c.skip)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func patterns(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// TestSeedsAreSentToTheByte holds the requests of --seed-compat to what the five tests send.
func TestSeedsAreSentToTheByte(t *testing.T) {
	const fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	const websocket = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	want := map[string]string{
		"UPGRADE-POST":         "POST / HTTP/1.1\r\nHost: a:1\r\n" + fields + websocket,
		"UPGRADE-MISSING-CONN": "GET / HTTP/1.1\r\nHost: a:1\r\nUpgrade: websocket\r\n" + websocket,
		"UPGRADE-INVALID-VER":  "GET / HTTP/1.1\r\nHost: a:1\r\n" + fields + strings.Replace(websocket, "13", "99", 1),
		"UPGRADE-UNKNOWN":      "GET / HTTP/1.1\r\nHost: a:1\r\nConnection: Upgrade\r\nUpgrade: totally-made-up/1.0\r\n\r\n",
		"UPGRADE-HTTP10":       "GET / HTTP/1.0\r\nHost: a:1\r\n" + fields + websocket,
	}
	all, err := seedProbes(&probeFlags{})
	if err != nil || len(all) != len(want) {
		t.Errorf("%d probes, %v", len(all), err)
	}
	base := rules.NewHandshake("http", "a:1", "/", "another key")
	setFields(base, []field{{"Origin", "http://a:1"}, {"Cookie", "a=b"}})
	for _, p := range all {
		if h := p.On(base); h.First() != want[p.ID] || h.After != "" || h.Split != 0 {
			t.Errorf("%s\ngot  %q\nwant %q", p.ID, h.First(), want[p.ID])
		}
	}
}
