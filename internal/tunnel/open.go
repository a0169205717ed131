package tunnel

import (
	"context"
	"errors"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// An Open is an open tunnel, for lists. Secrets are blanked out as in rulings.
type Open struct {
	ID          string    `json:"id"`    // of its exchange
	Since       time.Time `json:"since"` // when the server switched
	Route       string    `json:"route"`
	Endpoint    string    `json:"endpoint"`
	Method      string    `json:"method"`
	Target      string    `json:"target"`
	Protocol    string    `json:"protocol"`
	Version     string    `json:"version"`          // of HTTP, such as HTTP/1.1
	Stream      uint32    `json:"stream,omitempty"` // of HTTP/2: its number
	Client      string    `json:"client"`
	Backend     string    `json:"backend"`
	ClientBytes int64     `json:"clientBytes"` // that the client has sent in the tunnel
	ServerBytes int64     `json:"serverBytes"`
	Frames      *ws.Facts `json:"frames,omitempty"` // of WebSocket; absent where frames are not read
}

// NewOpen returns the row of an exchange whose tunnel is open.
func NewOpen(x *wire.Exchange, o *rules.Options) Open {
	target := x.Request.Target
	if !o.Full {
		target = o.Redact.Target(target)
	}
	stream := uint32(0)
	if x.Stream != nil {
		stream = x.Stream.ID
	}
	return Open{
		ID: x.ID, Since: x.Time.Add(x.Took).UTC().Truncate(time.Millisecond), Route: x.Route, Endpoint: rules.EndpointOf(x), Method: wire.Escape([]byte(x.Request.Method)),
		Target: wire.Escape([]byte(target)), Protocol: x.Protocol(), Version: x.Request.Version, Stream: stream, Client: x.Client, Backend: x.Backend,
		ClientBytes: x.After.ClientBytes, ServerBytes: x.After.ServerBytes, Frames: x.After.Frames.WithReasons(rules.PublicReason),
	}
}

// List returns rows of the latest open tunnels, at most that many, and how many are open in all. Open
// finds their exchanges, options are those of a route.
func List(open func(most int) ([]*wire.Exchange, int), options func(route string) *rules.Options, most int) ([]Open, int) {
	found, n := open(most)
	all := make([]Open, 0, len(found))
	for _, x := range found {
		all = append(all, NewOpen(x, options(x.Route)))
	}
	return all, n
}

// Find returns the ruling with that ID from a store. While its tunnel is open, the ruling has what the
// tunnel has carried until now, and is there before the store has it. Open finds the exchange of an
// open tunnel, and may be nil; options are those of a route.
func Find(ctx context.Context, s *store.Store, id string, open func(id string) *wire.Exchange, options func(route string) *rules.Options) (*rules.Ruling, error) {
	r, err := s.Ruling(ctx, id)
	isNew := errors.Is(err, store.ErrNotFound)
	if open == nil || err != nil && !isNew || err == nil && (r.X.Outcome != wire.Switched || r.X.After.End != nil) {
		return r, err
	}
	x := open(id)
	switch {
	case x == nil:
		return r, err
	case isNew:
		return judge(x, options(x.Route))
	}
	return now(r, x, options(x.Route)), nil
}

// judge returns a ruling on an exchange, with everything blanked out that a stored one does not have.
func judge(x *wire.Exchange, o *rules.Options) (*rules.Ruling, error) {
	b, err := rules.Classify(rules.Case{X: x, Options: o}).MarshalJSON()
	if err != nil {
		return nil, err
	}
	r, err := rules.ReadRuling(b)
	if err != nil {
		return nil, err
	}
	return now(r, x, o), nil
}

// now returns a ruling with what the tunnel has carried until now.
func now(r *rules.Ruling, x *wire.Exchange, o *rules.Options) *rules.Ruling {
	ruling, exchange := *r, *r.X
	ruling.X, exchange.Final, exchange.Cause = &exchange, false, ""
	a, is := &exchange.After, &x.After
	a.ClientBytes, a.ClientClosed, a.ServerBytes, a.ServerClosed = is.ClientBytes, is.ClientClosed, is.ServerBytes, is.ServerClosed
	a.Open, a.Ended = is.Open, false
	a.Frames, a.Messages = is.Frames.WithReasons(rules.PublicReason), is.Messages
	if !o.Full {
		a.Messages = a.Messages.Shapes()
	}
	return &ruling
}
