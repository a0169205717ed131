package rules

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// maxShown is how many bytes after a 101 are shown, in each direction.
const maxShown = 64

// maxSpans is how many of the places of a finding are shown: a head can have thousands of fields of
// one name.
const maxSpans = 64

// rulingJSON is a ruling as the contracts write it, version 1.
type rulingJSON struct {
	Schema       int           `json:"schema"`
	ID           string        `json:"id"`
	Revision     int           `json:"revision"`
	Instance     string        `json:"instance"`
	Origin       wire.Origin   `json:"origin"`
	Probe        string        `json:"probe"`
	Controls     string        `json:"controls,omitempty"`      // of a probe: what happened to the valid handshakes around it
	Control      int           `json:"controlStatus,omitempty"` // of a probe: see wire.Exchange
	Lured        []byte        `json:"lured,omitempty"`         // of a probe: see wire.Exchange
	Inside       []wire.Inner  `json:"inside,omitempty"`        // of a probe: see wire.Exchange
	Follow       *wire.Follow  `json:"follow,omitempty"`        // of a probe: see wire.Exchange
	Suspects     []string      `json:"suspects,omitempty"`      // of a probe: see wire.Exchange
	Flaky        bool          `json:"flaky,omitempty"`         // of a probe: see wire.Exchange
	Run          string        `json:"run"`
	Time         string        `json:"time"`
	Route        string        `json:"route"`
	Endpoint     string        `json:"endpoint"`
	Client       string        `json:"client"`
	Backend      string        `json:"backend"`
	TLS          tlsJSON       `json:"tls"`
	Request      requestJSON   `json:"request"`
	Interim      [][]byte      `json:"interim,omitempty"` // the heads of 1xx responses other than 101
	Noise        []byte        `json:"noise,omitempty"`   // what the server sent that cannot be read as a response, its first bytes
	Former       []byte        `json:"former,omitempty"`  // of a late 101: the head of the response that the request had got before
	Response     *responseJSON `json:"response"`
	Outcome      wire.Outcome  `json:"outcome"`
	Cause        wire.Cause    `json:"cause"`
	Blocked      bool          `json:"blocked"`
	Altered      []string      `json:"altered"`
	Elsewhere    string        `json:"elsewhere,omitempty"`
	Lossy        []string      `json:"lossy,omitempty"` // what the file does not keep that the exchange was read from
	Verdict      Verdict       `json:"verdict"`
	Unsafe       bool          `json:"unsafe"`
	Milliseconds float64       `json:"milliseconds"`
	After        *afterJSON    `json:"after"`
	framesJSON
	Messages   *ws.Messages `json:"messages,omitempty"` // of a WebSocket tunnel, where they are kept
	Stream     *wire.Stream `json:"stream,omitempty"`   // of HTTP/2
	Hop        *hopJSON     `json:"hop,omitempty"`      // the other side of the proxy that the exchange passed, where it was seen
	beyondJSON              // of live traffic without another side, whose rules need it where one is found
	// findings and diagnoses follow: see appendFindings.
}

type tlsJSON struct {
	Client  bool     `json:"client"`
	Backend bool     `json:"backend"`
	NoSNI   bool     `json:"noSNI,omitempty"`
	Flags   []string `json:"flags,omitempty"` // of the command that sent a probe
}

type requestJSON struct {
	Method  string   `json:"method"`
	Target  string   `json:"target"`
	Version string   `json:"version"`
	Offers  []string `json:"offers"`
	Head    []byte   `json:"head"`
	Far     []byte   `json:"far,omitempty"` // the head as it was sent on, if it differs from the one received

	Redacted []string `json:"redacted,omitempty"` // see Ruling.Redacted
}

type responseJSON struct {
	Status  int      `json:"status"`
	Reason  string   `json:"reason"`
	Upgrade []string `json:"upgrade"`
	Head    []byte   `json:"head"`

	Redacted []string `json:"redacted,omitempty"` // names of fields
}

type afterJSON struct {
	Client      []byte `json:"client"`
	Server      []byte `json:"server"`
	ClientBytes int64  `json:"clientBytes"`
	ServerBytes int64  `json:"serverBytes"`
	Closed      string `json:"closed"`               // of a tunnel that is over
	HalfClosed  string `json:"halfClosed,omitempty"` // the side that sends no more, of a tunnel that goes on

	End *endJSON `json:"end,omitempty"` // of a tunnel that is over
}

type findingJSON struct {
	Rule        string   `json:"rule"`
	Verdict     Verdict  `json:"verdict"`
	Severity    Severity `json:"severity"`
	Level       Level    `json:"level"`
	Party       Party    `json:"party"`
	Attribution string   `json:"attribution,omitempty"`
	Related     []string `json:"related,omitempty"` // further rules that the same deviation breaks
	Detail      string   `json:"detail"`
	Refs        []string `json:"refs"`
	Fingerprint string   `json:"fingerprint"`
	State       string   `json:"state"`
	Spans       []Span   `json:"spans"`
}

// MarshalJSON writes the ruling as the contracts have it, with secrets and payload blanked out
// unless evidence is full.
func (r *Ruling) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil) }

// AppendJSON appends what MarshalJSON returns.
func (r *Ruling) AppendJSON(to []byte) ([]byte, error) {
	j := r.document()
	b, err := j.appendMembers(slices.Grow(to, 1024+2*(len(j.Request.Head)+len(j.Request.Far))+320*len(r.Findings)))
	if err != nil {
		return nil, err
	}
	return r.appendFindings(b)
}

// document returns the ruling as it is written, but for its findings and diagnoses.
func (r *Ruling) document() *rulingJSON {
	x, o := r.X, r.options
	j := &rulingJSON{
		Schema: 1, ID: x.ID, Revision: x.Revision, Instance: r.Instance, Origin: x.Origin, Probe: x.Probe, Suspects: x.Suspects, Flaky: x.Flaky, Run: r.Run,
		Time: x.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Route: x.Route, Endpoint: r.Endpoint,
		Client: x.Client, Backend: x.Backend, TLS: tlsJSON{x.ClientTLS, x.BackendTLS, x.NoSNI, x.TLSFlags},
		Request: requestJSON{
			Method: readable(x.Request.Method), Target: readable(r.Target()), Version: readable(x.Request.Version), Offers: readables(r.Offers()),
			Head: o.requestOf(x),
		},
		Outcome: x.Outcome, Cause: x.Cause, Blocked: x.Blocked, Altered: append([]string{}, x.Altered...), Elsewhere: x.Elsewhere, Lossy: x.Lossy,
		Verdict: r.Verdict, Unsafe: r.Unsafe, Milliseconds: millisecondsOf(x.Took), Hop: o.hop(x), Stream: x.Stream,
	}
	if x.Hop == nil && x.Probe == "" { // live and offline alike
		j.beyondJSON = o.beyond(x)
	}
	if x.Probe != "" {
		j.Controls, j.Control = controlWords()[x.Controls], x.Control
	}
	for _, in := range x.Inside {
		in.Path = readable(o.shown(in.Path))
		if !o.Full {
			in.Content = nil
		}
		j.Inside = append(j.Inside, in)
	}
	if f := x.Follow; f != nil {
		shown := *f
		if !o.Full {
			shown.Outside = o.redactAfter(shown.Outside, x.Request.Offers("websocket"))
		}
		j.Follow = &shown
	}
	if len(x.Lured) > 0 {
		j.Lured = o.requestHead(wire.ReadRequest(x.Lured))
	}
	if x.Far != nil {
		j.Request.Far = o.requestHead(x.Far)
	}
	if j.Request.Redacted = r.blanked.request; !o.Full {
		j.Request.Redacted = redactedRequest(x.Request, j.Request.Head)
	}
	for _, p := range x.Interim {
		j.Interim = append(j.Interim, o.responseOf(x, p))
	}
	if len(x.Noise) > 0 {
		j.Noise = o.redactAfter(x.Noise, x.Request.Offers("websocket"))
	}
	if x.Former != nil {
		j.Former = o.responseHead(x.Request, x.Former)
	}
	if p := x.Response; p != nil {
		j.Response = &responseJSON{p.Status, readable(p.Reason), readables(written(p.Protocols())), o.responseOf(x, p), r.blanked.response}
		if !o.Full {
			j.Response.Redacted = redactedFields(&p.Head, j.Response.Head)
		}
		if p.Status == 101 || x.Outcome == wire.Switched {
			j.Cause, j.After, j.framesJSON, j.Messages = "", o.after(x), publicFrames(x), o.messages(x)
		}
	}
	return j
}

// appendFindings completes the object of a ruling by its findings and diagnoses, its last members.
func (r *Ruling) appendFindings(b []byte) ([]byte, error) {
	b = append(b, `,"findings":[`...)
	for i := range r.Findings {
		f := &r.Findings[i]
		b = f.appendJSON(appendComma(b, i), r.Key(f))
	}
	b = append(b, ']')
	if len(r.Diagnoses) > 0 {
		diagnoses, err := json.Marshal(r.Diagnoses)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"diagnoses":`...), diagnoses...)
	}
	return append(b, '}'), nil
}

// readable returns bytes from the wire as a JSON string: those that are not printable ASCII are
// written as in transcripts.
func readable(text string) string {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '\\' {
			return wire.Escape([]byte(text))
		}
	}
	return text
}

func readables(texts []string) []string {
	for i := range texts {
		texts[i] = readable(texts[i])
	}
	return texts
}

// controlWords are the states of controls as they are written.
func controlWords() []string {
	return []string{wire.ControlsRefused: "refused", wire.ControlsAccepted: "accepted", wire.BackendGone: "gone", wire.ControlsUnasked: "unasked", wire.BackendKilled: "killed"}
}

// shown is a target with its secrets blanked out, unless evidence is full.
func (o *Options) shown(target string) string {
	if o.Full {
		return target
	}
	return o.Redact.Target(target)
}

// head is a copy of a head without its secrets.
func (o *Options) head(raw []byte) []byte {
	b := append([]byte{}, raw...)
	if !o.Full {
		o.Redact.redactHead(b)
	}
	return b
}

func (o *Options) requestHead(q *wire.Request) []byte {
	b := o.head(q.Raw)
	if !o.Full && !q.HTTP2() { // there it is the value of a field
		line := b[q.Start.From:q.Start.To][len(q.Method):]
		if i := bytes.Index(line, []byte(q.Target)); i >= 0 {
			o.Redact.redactTarget(line[i : i+len(q.Target)])
		}
	}
	return b
}

// messages returns the messages of a tunnel, without their data unless evidence is full.
func (o *Options) messages(x *wire.Exchange) *ws.Messages {
	if o.Full {
		return x.After.Messages
	}
	return x.After.Messages.Shapes()
}

// after returns what followed a 101.
func (o *Options) after(x *wire.Exchange) *afterJSON {
	a := x.After
	closed, half := "", ""
	switch {
	case a.Ended:
		closed = string(x.Cause)
	case a.ClientClosed && a.ServerClosed:
		closed = "client"
	case a.ClientClosed:
		half = "client"
	case a.ServerClosed:
		half = "server"
	}
	websocket := x.Response.Offers("websocket") || x.Request.Offers("websocket") || x.Stream != nil && x.Protocol() == "websocket"
	return &afterJSON{o.redactAfter(a.Client, websocket), o.redactAfter(a.Server, websocket), a.ClientBytes, a.ServerBytes, closed, half, endOf(a.End)}
}

// redactRequestLine blanks out the secrets of the target in a request line, unless evidence is
// full.
func (o *Options) redactRequestLine(line []byte) {
	from, to := bytes.IndexByte(line, ' ')+1, bytes.LastIndexByte(line, ' ')
	if to < from {
		to = len(line)
	}
	if !o.Full {
		o.Redact.redactTarget(line[from:to])
	}
}
