package report

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// transcript returns the redacted exchange in the notation of transcripts.
func transcript(r *rules.Ruling) (*wire.Transcript, error) {
	if r.X.Hop != nil {
		return transcriptOfHop(r)
	}
	s := r.Evidence()
	t := &wire.Transcript{Meta: framesMeta(r.X, &s)}
	t.Add(wire.FromClient, s.Request)
	for _, p := range r.X.Interim {
		t.Add(wire.FromServer, showHead(r, p))
	}
	t.Add(wire.FromServer, s.Former)
	t.Add(wire.FromServer, s.Noise)
	t.Add(wire.FromServer, s.Response)
	t.Add(wire.FromClient, s.Client)
	t.Add(wire.FromServer, s.Server)
	t.End = r.X.Transcript().End
	return t, nil
}

// framesMeta returns the lines about frames, without secrets. The bytes that are shown of a tunnel are
// never more than those that are recorded.
func framesMeta(x *wire.Exchange, s *rules.Evidence) []wire.Meta {
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
func showHead(r *rules.Ruling, p *wire.Response) []byte {
	x, other := *r.X, *r
	x.Response, other.X = p, &x
	return other.Head(rules.InResponse)
}
