package rules

import (
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// hopJSON is the far side of a hop as a ruling writes it. Early and Next are those of the near side.
type hopJSON struct {
	Name    string `json:"name,omitempty"`
	Clock   bool   `json:"clock"`
	Blanked bool   `json:"blanked,omitempty"`
	Time    string `json:"time,omitempty"` // exactly when the request came on the near side; where both sides have one clock
	beyondJSON
	Far    *farJSON    `json:"far"`
	Within wire.Within `json:"within,omitempty"`
	Stray  []byte      `json:"stray,omitempty"`
	Before *farJSON    `json:"before,omitempty"`

	Seen []wire.Sighting `json:"seen,omitempty"`
}

// beyondJSON is what a client sent after its request and before the response, and after a response
// other than a 101.
type beyondJSON struct {
	Early      []byte    `json:"early,omitempty"`
	EarlyBytes int64     `json:"earlyBytes,omitempty"`
	Next       *nextJSON `json:"next,omitempty"`
}

// farJSON is an exchange on the far side.
type farJSON struct {
	Exchange     string       `json:"exchange,omitempty"` // its ID, if it has a ruling of its own
	Time         string       `json:"time"`
	Milliseconds float64      `json:"milliseconds"`
	Request      []byte       `json:"request"`
	Interim      [][]byte     `json:"interim,omitempty"`
	Noise        []byte       `json:"noise,omitempty"`
	Response     []byte       `json:"response,omitempty"`
	Outcome      wire.Outcome `json:"outcome"`
	Cause        wire.Cause   `json:"cause,omitempty"`
	BodyDone     bool         `json:"bodyDone"`
	beyondJSON
	After *afterJSON `json:"after,omitempty"`
	framesJSON
}

// nextJSON is what followed an offer that was not accepted.
type nextJSON struct {
	Bytes    []byte `json:"bytes"`
	HTTP     bool   `json:"http"`
	Answered bool   `json:"answered"`
}

func (o *Options) hop(x *wire.Exchange) *hopJSON {
	h := x.Hop
	if h == nil {
		return nil
	}
	websocket := x.Request.Offers("websocket")
	at := ""
	if h.Clock {
		at = x.Time.UTC().Format(time.RFC3339Nano)
	}
	return &hopJSON{
		Name: h.Name, Clock: h.Clock, Blanked: h.Blanked, Time: at, beyondJSON: o.beyond(x), Far: o.far(h.Far), Within: h.Within, Stray: o.client(h.Stray, websocket), Before: o.far(h.Before),
		Seen: h.Seen,
	}
}

func (o *Options) far(x *wire.Exchange) *farJSON {
	if x == nil {
		return nil
	}
	websocket := x.Request.Offers("websocket")
	j := &farJSON{
		Exchange: x.ID, Time: x.Time.UTC().Format(time.RFC3339Nano), Milliseconds: millisecondsOf(x.Took), Request: o.requestOf(x),
		Outcome: x.Outcome, Cause: x.Cause, BodyDone: x.BodyDone,
		beyondJSON: o.beyond(x),
	}
	if len(x.Noise) > 0 {
		j.Noise = o.redactAfter(x.Noise, websocket)
	}
	for _, p := range x.Interim {
		j.Interim = append(j.Interim, o.responseOf(x, p))
	}
	if x.Response != nil {
		j.Response = o.responseOf(x, x.Response)
		if x.Response.Status == 101 {
			j.After, j.framesJSON = o.after(x), publicFrames(x)
		}
	}
	return j
}

// client is a copy of what a client sent beyond a head, without its secrets and payload.
func (o *Options) client(b []byte, websocket bool) []byte {
	if len(b) == 0 {
		return nil
	}
	return o.redactAfter(b, websocket)
}

func (o *Options) beyond(x *wire.Exchange) beyondJSON {
	websocket := x.Request.Offers("websocket")
	return beyondJSON{o.client(x.Early, websocket), x.EarlyBytes, o.next(x, websocket)}
}

func (o *Options) next(x *wire.Exchange, websocket bool) *nextJSON {
	n := x.Next
	if len(n.Bytes) == 0 {
		return nil
	}
	return &nextJSON{o.client(n.Bytes, websocket), n.HTTP, n.Answered}
}

// read gives an exchange the far side of a ruling.
func (j *hopJSON) read(x *wire.Exchange) {
	if j == nil {
		return
	}
	j.beyondJSON.read(x)
	if at, err := time.Parse(time.RFC3339Nano, j.Time); err == nil && at.UTC().Truncate(time.Millisecond).Equal(x.Time) {
		x.Time = at.UTC()
	}
	x.Hop = &wire.Hop{
		Name: j.Name, Clock: j.Clock, Blanked: j.Blanked, Far: j.Far.read(), Within: j.Within, Stray: j.Stray, Before: j.Before.read(), Seen: readSightings(j.Seen),
	}
}

// readSightings leaves out what is not within the limits.
func readSightings(all []wire.Sighting) []wire.Sighting {
	return slices.DeleteFunc(all[:min(len(all), wire.MaxSightings)], func(s wire.Sighting) bool {
		return !s.Valid()
	})
}

func (j *beyondJSON) read(x *wire.Exchange) {
	x.Early, x.EarlyBytes, x.Next = j.Early, j.EarlyBytes, j.Next.read()
}

func (j *nextJSON) read() (n wire.Next) {
	if j != nil {
		n = wire.Next{Bytes: j.Bytes, HTTP: j.HTTP, Answered: j.Answered}
	}
	return n
}

func (j *farJSON) read() *wire.Exchange {
	if j == nil {
		return nil
	}
	at, _ := time.Parse(time.RFC3339Nano, j.Time) // of a time that cannot be read nothing depends but an order
	x := &wire.Exchange{
		ID: j.Exchange, Final: true, Complete: true, Time: at.UTC(), Took: durationOf(j.Milliseconds), Request: wire.ReadRequest(j.Request),
		Noise: j.Noise, Outcome: j.Outcome, Cause: j.Cause, BodyDone: j.BodyDone,
	}
	j.beyondJSON.read(x)
	for _, head := range j.Interim {
		x.Interim = append(x.Interim, wire.ReadResponse(head))
	}
	if j.Response != nil {
		x.Response = wire.ReadResponse(j.Response)
	}
	if j.After != nil && isSwitch(x) {
		readAfter(x, j.After, &j.framesJSON)
	}
	return x
}
