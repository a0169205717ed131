package run

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Shows prints the bytes of a probe on the base of the flags and the URL. It sends nothing and
// resolves no address.
func (p *Probing) Shows(w io.Writer, args []string) error {
	q := rules.FindProbe(p.Flags.Show)
	if q == nil {
		return exit.Usage("--show: %w", probe.UnknownProbe(p.Flags.Show))
	}
	for _, chosen := range p.Probes {
		if chosen.ID == q.ID {
			q = chosen
		}
	}
	where := place{scheme: "http", host: "backend.example", name: "backend.example", port: "80", target: "/"}
	if len(args) > 0 {
		var err error
		if where, err = parsePlace(args[0]); err != nil {
			return err
		}
	}
	base := rules.NewHandshake(where.scheme, where.host, where.target, SeedKey)
	if err := p.Flags.dress(base); err != nil {
		return err
	}
	text, err := describe(q, q.On(base), where)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}

// describe returns a probe in the notation of transcripts, redacted, with its properties.
func describe(q *rules.Probe, h *rules.Handshake, where place) (string, error) {
	ruling := rules.Classify(rules.Case{X: &wire.Exchange{
		Origin: wire.OriginProbe, Probe: q.ID, Aim: where.target, Outcome: wire.Switched,
		Request: wire.ReadRequest([]byte(h.Head())), Backend: where.address(where.name), ClientTLS: where.scheme == "https", BackendTLS: where.scheme == "https",
	}})
	head, err := blanked(ruling)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s   %s\n", q.ID, q.Label)
	fmt.Fprintf(&b, "rule      %s\nexpected  %s: %s\nrisk      %s\n", q.Rule().ID, q.Class, q.Expectation(), q.Risk)
	if ruling.X.Request.Has("Sec-WebSocket-Key") {
		fmt.Fprintf(&b, "          the key is another one in each request\n")
	}
	b.WriteByte('\n')
	var t wire.Transcript
	t.Add(wire.FromClient, []byte(h.Ahead))
	t.Add(wire.FromClient, head)
	if h.Hold == rules.HoldNothing {
		t.Add(wire.FromClient, []byte(h.Content))
	}
	t.Add(wire.FromClient, []byte(h.Early))
	b.WriteString(strings.TrimLeft(t.String(), "\n"))
	for i, fact := range StreamFacts(h.Stream) {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(fact + "\n")
	}
	switch {
	case h.Hold == rules.HoldUntil100:
		fmt.Fprintf(&b, "\nits content is sent once a 100 (Continue) has come: %s\n", wire.Escape([]byte(h.Content)))
	case h.Hold == rules.HoldForever:
		b.WriteString("\nits content is never sent\n")
	}
	if h.Split > 0 {
		fmt.Fprintf(&b, "\nit is sent in two segments, the first of %d bytes\n", h.Split)
	}
	switch {
	case h.Frames != nil:
		fmt.Fprintf(&b, "\nonce the server has switched and answered a ping: %s\n", wire.Escape([]byte(h.After)))
	case h.After != "":
		fmt.Fprintf(&b, "\nonce the server has switched: %s\n", wire.Escape([]byte(h.After)))
	}
	for _, t := range q.Twins {
		fmt.Fprintf(&b, "\nto compare the answers, this is sent first: %s\n", t.Text)
	}
	again := report.NewRecipe(ruling)
	b.WriteByte('\n')
	if again.Shell != nil {
		fmt.Fprintf(&b, "again  %s\n", strings.Join(again.Shell, " "))
	}
	if again.Curl != nil {
		fmt.Fprintf(&b, "curl   %s\n", strings.Join(again.Curl, " "))
	}
	fmt.Fprintf(&b, "or     %s\n", again.Probe)
	for _, note := range again.Notes {
		fmt.Fprintf(&b, "note   %s\n", note)
	}
	fmt.Fprintf(&b, "more   interlock rules %s\n", q.Rule().ID)
	return b.String(), nil
}

// blanked returns the redacted head of a request, which only the ruling's JSON has.
func blanked(r *rules.Ruling) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var shown struct{ Request struct{ Head []byte } }
	err = json.Unmarshal(b, &shown)
	return shown.Request.Head, err
}
