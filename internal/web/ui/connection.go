package ui

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxStreams is how many streams of a connection are listed.
const maxStreams = 500

// connectionView is a connection of HTTP/2.
type connectionView struct {
	ID         string           `json:"connection"`
	Facts      []Setting        `json:"facts"`
	Settings   []parameter      `json:"settings"`
	Streams    []streamRow      `json:"streams"` // those about upgrades, in the order of their numbers
	More       bool             `json:"more"`    // there may be more of them
	Connection *wire.Connection `json:"-"`       // as the latest of them has it
	Client     string           `json:"-"`
	Backend    string           `json:"-"`
}

// A streamRow is an exchange of a connection.
type streamRow struct {
	row
	Stream uint32 `json:"stream"`
	Ended  string `json:"ended"` // how each side ended it, in words
}

// A parameter is one of the settings that a side may send (RFC 9113 §6.5.2, RFC 8441 §3).
type parameter struct {
	Name   string `json:"name"`
	Text   string `json:"text"`             // what it means
	Client string `json:"client,omitempty"` // empty: it was not sent
	Server string `json:"server,omitempty"`
}

// connection shows a connection of HTTP/2. Its ID is that of its first exchange, after which the others came.
func (u *site) connection(r *http.Request) (sheet, error) {
	s, err := u.kept()
	if err != nil {
		return sheet{}, err
	}
	v := &connectionView{ID: r.PathValue("id"), Streams: []streamRow{}}
	var q store.Query
	first, err := s.Ruling(r.Context(), v.ID)
	switch {
	case err == nil:
		q.Since = first.X.Time.Add(-time.Minute)
	case !errors.Is(err, store.ErrNotFound):
		return sheet{}, err
	}
	if err := v.collect(r.Context(), s, q); err != nil {
		return sheet{}, err
	}
	if v.Connection == nil {
		return sheet{}, errMissing
	}
	slices.SortStableFunc(v.Streams, func(a, b streamRow) int { return int(a.Stream) - int(b.Stream) })
	v.Facts = append([]Setting{{Key: "client", Value: v.Client}, {Key: "backend", Value: v.Backend}}, factsOf(v.Connection)...)
	v.Settings = parameters(v.Connection)
	return sheet{Title: "HTTP/2 connection", View: v, Follow: u.Events, Names: u.EventNames}, nil
}

// collect finds the exchanges of the connection.
func (v *connectionView) collect(ctx context.Context, s *store.Store, q store.Query) error {
	looked := 0
	err := s.Rulings(ctx, q, func(found *rules.Ruling) error {
		x := found.X
		if looked++; looked > maxLook || len(v.Streams) == maxStreams {
			v.More = true
			return errEnough
		}
		if x.Stream == nil || x.Stream.Connection == nil || x.Stream.Connection.ID != v.ID {
			return nil
		}
		if k := x.Stream.Connection; v.Connection == nil || k.Streams >= v.Connection.Streams {
			v.Connection = k
		}
		v.Client, v.Backend = x.Client, x.Backend
		v.Streams = append(v.Streams, streamRow{rowOf(found), x.Stream.ID, endsOf(x.Stream)})
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

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
	add("the client", sideEnd(s.Client))
	add("the server", sideEnd(s.Server))
	if k := s.Connection; k != nil {
		v.Connection = append(v.Connection, factsOf(k)...)
		v.Together = k.ID
	}
}

// factsOf lists what is known of a connection.
func factsOf(k *wire.Connection) (all []Setting) {
	add := func(key, value string) {
		if value != "" {
			all = append(all, Setting{Key: key, Value: value})
		}
	}
	add("protocol (ALPN)", k.ALPN)
	add("server name (SNI)", k.SNI)
	if k.Streams > 0 {
		add("streams", fmt.Sprintf("%s opened, %d open when the latest exchange was reported", printed.Thousands(int64(k.Streams)), k.Open))
	}
	if k.Unfollowed > 0 {
		add("not followed", printed.Count(int(k.Unfollowed), "stream")+" about upgrades, beyond what is kept")
	}
	for _, side := range []struct {
		name string
		*wire.ConnectionSide
	}{{"client", &k.Client}, {"server", &k.Server}} {
		if g := side.GoAway; g != nil {
			add("GOAWAY of the "+side.name, fmt.Sprintf("%v: it takes no streams after %d", g.Code, g.Last))
		}
		if b := side.Blind; b != nil {
			add("not read of the "+side.name, fmt.Sprintf("from byte %s on (%s)", printed.Thousands(b.From), b.Why))
		}
	}
	return all
}

// parameters are the settings of both sides, by their numbers.
func parameters(k *wire.Connection) (all []parameter) {
	ids := map[uint16]bool{}
	for _, s := range []*wire.ConnectionSide{&k.Client, &k.Server} {
		for id := range s.Settings {
			ids[id] = true
		}
	}
	value := func(s *wire.ConnectionSide, id uint16) string {
		if n, ok := s.Settings[id]; ok {
			return printed.Thousands(int64(n))
		}
		return ""
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		p := parameter{Client: value(&k.Client, id), Server: value(&k.Server, id)}
		if p.Name, p.Text = meaning(id); p.Name == "" {
			p.Name = "setting " + strconv.Itoa(int(id))
		}
		all = append(all, p)
	}
	return all
}

// meaning is the name of a setting, and what its sender says by it.
func meaning(id uint16) (name, text string) {
	switch id {
	case 1:
		return "HEADER_TABLE_SIZE", "bytes of the table by which headers to this side are compressed (HPACK)"
	case 2:
		return "ENABLE_PUSH", "0: this side wants no responses that it has not asked for"
	case 3:
		return "MAX_CONCURRENT_STREAMS", "streams that the other side may have open at a time"
	case 4:
		return "INITIAL_WINDOW_SIZE", "bytes that may be sent to this side on a stream before it asks for more"
	case 5:
		return "MAX_FRAME_SIZE", "bytes of the largest frame that this side takes"
	case 6:
		return "MAX_HEADER_LIST_SIZE", "bytes of headers that this side takes"
	case 8:
		return "ENABLE_CONNECT_PROTOCOL", "1: a client may open WebSockets in this connection (RFC 8441)"
	case 9:
		return "NO_RFC7540_PRIORITIES", "1: this side does not use the priorities of RFC 7540"
	}
	return "", ""
}

// endsOf is how both sides ended a stream, in words.
func endsOf(s *wire.Stream) string {
	client, server := sideEnd(s.Client), sideEnd(s.Server)
	switch {
	case client == "" && server == "":
		return "not ended when it was reported"
	case server == "":
		return "client " + client
	case client == "":
		return "server " + server
	}
	return "client " + client + "; server " + server
}

// sideEnd is how a side ended a stream, in words; empty if it has not.
func sideEnd(s wire.StreamSide) string {
	switch s.End {
	case wire.StreamEnded:
		if s.AtHead {
			return "ended it with its headers (END_STREAM)"
		}
		return "ended it (END_STREAM)"
	case wire.StreamReset:
		return fmt.Sprintf("reset it (RST_STREAM %v)", s.Code)
	case wire.StreamAway:
		return "did not process the request (GOAWAY)"
	}
	return s.End
}
