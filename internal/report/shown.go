package report

import (
	"encoding/json"
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// shown is an exchange without secrets and payload, unless evidence is full. All bytes keep their
// offsets.
type shown struct {
	Request struct {
		Head, Far []byte
		Redacted  []string // names of headers, ?name for a parameter of the target, target for its user information
	}
	Noise    []byte
	Former   []byte
	Response struct{ Head []byte }
	After    struct{ Client, Server []byte }
	Messages *ws.Messages
}

// show returns the redacted form of a ruling's exchange, which only the JSON of the ruling has.
func show(r *rules.Ruling) (s shown, err error) {
	bare := *r
	bare.Findings = nil // which take the most time
	b, err := bare.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		err = fmt.Errorf("show exchange %q: %w", r.X.ID, err)
	}
	return s, err
}

// transcript returns the redacted exchange in the notation of transcripts.
func transcript(r *rules.Ruling) (*wire.Transcript, error) {
	if r.X.Hop != nil {
		return transcriptOfHop(r)
	}
	s, err := show(r)
	if err != nil {
		return nil, err
	}
	t := &wire.Transcript{Meta: framesMeta(r.X, &s)}
	t.Add(wire.FromClient, s.Request.Head)
	for _, p := range r.X.Interim {
		head, err := showHead(r, p)
		if err != nil {
			return nil, err
		}
		t.Add(wire.FromServer, head)
	}
	t.Add(wire.FromServer, s.Former)
	t.Add(wire.FromServer, s.Noise)
	t.Add(wire.FromServer, s.Response.Head)
	t.Add(wire.FromClient, s.After.Client)
	t.Add(wire.FromServer, s.After.Server)
	t.End = r.X.Transcript().End
	return t, nil
}

// framesMeta returns the lines about frames, without secrets. The bytes that are shown of a tunnel are
// never more than those that are recorded.
func framesMeta(x *wire.Exchange, s *shown) []wire.Meta {
	public := *x
	public.After.Messages = s.Messages
	public.After.Frames = x.After.Frames.WithReasons(rules.PublicReason)
	public.After.Client, public.After.Server = nil, nil
	return public.FramesMeta()
}

// transcriptOfHop returns the redacted exchange with both sides of its hop.
func transcriptOfHop(r *rules.Ruling) (*wire.Transcript, error) {
	x, err := shownHop(r)
	if err != nil {
		return nil, err
	}
	return x.Transcript(), nil
}

// showHead returns the redacted form of a further head of the server.
func showHead(r *rules.Ruling, p *wire.Response) ([]byte, error) {
	x, other := *r.X, *r
	x.Response, other.X = p, &x
	s, err := show(&other)
	return s.Response.Head, err
}
