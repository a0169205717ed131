package ui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// stream lists what is known of the stream of HTTP/2 and of its connection.
func (v *exchangeView) stream() {
	s := v.Ruling.X.Stream
	if s == nil {
		return
	}
	v.Stream = "HTTP/2"
	if s.ID > 0 {
		v.Stream += fmt.Sprintf(", stream %d", s.ID)
	}
	add := func(key, value string) {
		if value != "" {
			v.Connection = append(v.Connection, Setting{Key: key, Value: value})
		}
	}
	add("WebSockets offered", map[string]string{
		wire.OfferYes: "yes, by SETTINGS_ENABLE_CONNECT_PROTOCOL", wire.OfferNo: "no: the setting is 0", wire.OfferNone: "no: the setting is missing", wire.OfferBroken: "with a value that is neither 0 nor 1",
	}[s.Offered])
	add("stream ended by client", sideEnd(s.Client))
	add("stream ended by server", sideEnd(s.Server))
	k := s.Connection
	if k == nil {
		return
	}
	add("protocol (ALPN)", k.ALPN)
	add("server name (SNI)", k.SNI)
	if k.Streams > 0 {
		add("streams", fmt.Sprintf("%d opened, %d open when this was reported", k.Streams, k.Open))
	}
	if k.Unfollowed > 0 {
		add("not followed", fmt.Sprintf("%d streams about upgrades, beyond what is kept", k.Unfollowed))
	}
	for _, side := range []struct {
		name string
		*wire.ConnectionSide
	}{{"client", &k.Client}, {"server", &k.Server}} {
		add("settings of "+side.name, settings(side.ConnectionSide))
		if g := side.GoAway; g != nil {
			add("GOAWAY of "+side.name, fmt.Sprintf("%v, streams up to %d", g.Code, g.Last))
		}
		if b := side.Blind; b != nil {
			add("not read of "+side.name, fmt.Sprintf("from byte %d on (%s)", b.From, b.Why))
		}
	}
	if k.ID != "" && k.Streams > 1 {
		v.Together = "connection:" + k.ID
	}
}

// sideEnd is how a side ended a stream, in words.
func sideEnd(s wire.StreamSide) string {
	switch s.End {
	case wire.StreamEnded:
		if s.AtHead {
			return "END_STREAM, with the head"
		}
		return "END_STREAM"
	case wire.StreamReset:
		return fmt.Sprintf("RST_STREAM %v", s.Code)
	case wire.StreamAway:
		return "GOAWAY, the request was not processed"
	}
	return s.End
}

// settings are the settings of a side by their names (RFC 9113 §6.5.2, RFC 8441 §3).
func settings(s *wire.ConnectionSide) string {
	names := map[uint16]string{1: "HEADER_TABLE_SIZE", 2: "ENABLE_PUSH", 3: "MAX_CONCURRENT_STREAMS", 4: "INITIAL_WINDOW_SIZE", 5: "MAX_FRAME_SIZE", 6: "MAX_HEADER_LIST_SIZE", 8: "ENABLE_CONNECT_PROTOCOL", 9: "NO_RFC7540_PRIORITIES"}
	all := make([]string, 0, len(s.Settings))
	for _, id := range slices.Sorted(maps.Keys(s.Settings)) {
		name := names[id]
		if name == "" {
			name = fmt.Sprint(id)
		}
		all = append(all, fmt.Sprintf("%s=%d", name, s.Settings[id]))
	}
	return strings.Join(all, ", ")
}
