package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// A step is something that happened, in its order.
type step struct {
	At    string // after the first byte of the request
	Party string // client, server or interlock
	What  string
	Note  string
}

// timeline lists the events of an exchange in their order, as far as it is known.
func (v *exchangeView) timeline() {
	x := v.Ruling.X
	add := func(at, party, what, note string) { v.Steps = append(v.Steps, step{at, party, what, note}) }
	size := func(b []byte) string {
		if x.Stream != nil { // it was sent compressed
			return ""
		}
		return printed.Count(len(b), "byte")
	}
	add("0 ms", "client", "request head", size(x.Request.Raw))
	for _, p := range x.Interim {
		add("", "server", strconv.Itoa(p.Status)+" "+p.Reason, "interim")
	}
	switch {
	case x.Response != nil:
		add("+"+printed.Took(x.Took), "server", strconv.Itoa(x.Response.Status)+" "+x.Response.Reason, size(x.Response.Raw))
	case x.Cause.Local():
		add("", "interlock", "answered in the backend's place", string(x.Cause))
	default:
		add("", "server", "no response head", strings.TrimSpace(string(x.Outcome)+" "+string(x.Cause)))
	}
	if x.Blocked {
		add("", "interlock", "switch kept from the client", "the guard")
	}
	if x.Response == nil || x.Outcome != wire.Switched && x.Response.Status != 101 {
		return
	}
	a := &x.After
	if a.ClientBytes > 0 {
		add("", "client", printed.Size(a.ClientBytes)+" through the tunnel", "")
	}
	if a.ServerBytes > 0 {
		add("", "server", printed.Size(a.ServerBytes)+" through the tunnel", "")
	}
	switch {
	case a.Ended && x.Cause != "":
		add("", "", "tunnel over", "ended by "+string(x.Cause)+endNote(a.End))
	case !x.Final:
		add("", "", "tunnel open", "")
	}
}

// endNote says how a tunnel ended.
func endNote(e *wire.End) string {
	if e == nil {
		return ""
	}
	note := fmt.Sprintf(" after %v, %v of them without a byte", e.Open.Round(time.Millisecond), e.Idle.Round(time.Millisecond))
	for _, side := range []struct {
		name string
		wire.Word
	}{{"client", e.Client}, {"server", e.Server}} {
		switch {
		case side.Kind == wire.WordClose:
			note += fmt.Sprintf("; the %s sent close code %d", side.name, side.Code)
			if side.Reason != "" {
				note += " " + rules.Quote(side.Reason)
			}
		case side.Kind == wire.WordGoAway:
			note += fmt.Sprintf("; the %s sent GOAWAY %s", side.name, h2.Code(side.Code))
		case side.Kind != "":
			note += fmt.Sprintf("; the %s sent last: %s", side.name, side.Kind)
		}
	}
	return note
}
