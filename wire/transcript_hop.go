package wire

import (
	"bytes"
	"slices"
	"time"
)

// This file is about transcripts of both sides of a hop. The bytes of both are in one order, that in
// which they were seen, so that a transcript shows what a hop forwarded before it should have.

// HasFar reports whether the transcript has the far side of a hop.
func (t *Transcript) HasFar() bool {
	return t.FarEnd != "" || len(t.Seen) > 0 || slices.ContainsFunc(t.Chunks, func(c Chunk) bool { return c.Far })
}

// Near returns the transcript without the far side.
func (t *Transcript) Near() *Transcript {
	near := &Transcript{Meta: t.Meta, End: t.End}
	for _, c := range t.Chunks {
		if n := len(near.Chunks); c.Far && n > 0 {
			near.Chunks[n-1].Idle = min(near.Chunks[n-1].Idle+c.Idle, maxIdle)
		} else if !c.Far {
			near.Add(c.From, c.Bytes)
			near.Chunks[len(near.Chunks)-1].Idle = c.Idle
		}
	}
	return near
}

// joinHop gives the exchanges of the near side what the transcript has of the far side.
func (t *Transcript) joinHop(found []*Exchange, common Common) {
	common.Alter, common.Altered, common.Asides, common.Counts = nil, nil, nil, new(Counts)
	far := t.play(common, true)
	sent := t.farClient()
	taken := map[*Exchange]bool{}
	pairs := make([]int, len(found))
	for i, x := range found {
		if pairs[i] = pairOf(x, far, taken); pairs[i] >= 0 {
			taken[far[pairs[i]]] = true
		}
	}
	for i, x := range found {
		joined := *x
		joined.Hop = &Hop{Clock: true}
		if i == 0 {
			joined.Hop.Seen = t.Seen
		}
		if pairs[i] < 0 {
			joined.Hop.find(x, far, sent)
		}
		if pairs[i] < 0 && joined.Hop.Before == nil {
			pairs[i] = during(x, far, taken)
		}
		if at := pairs[i]; at >= 0 {
			joined.Hop.Far, taken[far[at]] = far[at], true
			if at > 0 {
				joined.Hop.Before = far[at-1]
			}
		}
		found[i] = &joined
	}
}

// pairOf returns the index of the exchange of the far side that belongs to one of the near side; -1
// if there is none. A hop may change everything in a request but its key; without one, the target
// tells.
func pairOf(x *Exchange, far []*Exchange, taken map[*Exchange]bool) int {
	const keyField = "Sec-WebSocket-Key"
	key, _ := x.Request.Value(keyField)
	target := -1
	for i, f := range far {
		if taken[f] || len(f.Request.Raw) == 0 || len(x.Request.Raw) == 0 || x.Outcome == Late {
			continue
		}
		k, _ := f.Request.Value(keyField)
		switch {
		case key != "" && k == key:
			return i
		case target < 0 && f.Request.Target == x.Request.Target && (key == "" || k == ""):
			target = i
		}
	}
	return target
}

// during returns the index of the only exchange of the far side that no other one belongs to and that
// began while an exchange of the near side was under way; -1 if there is none, or several: a hop may
// rewrite the target.
func during(x *Exchange, far []*Exchange, taken map[*Exchange]bool) int {
	found := -1
	for i, f := range far {
		if taken[f] || len(f.Request.Raw) == 0 || x.Response == nil || f.Time.Before(x.Time) || f.Time.After(x.Time.Add(x.Took)) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// farClient returns all bytes that the hop sent to the server.
func (t *Transcript) farClient() (all []byte) {
	for _, c := range t.Chunks {
		if c.Far && c.From == FromClient {
			all = append(all, c.Bytes...)
		}
	}
	return all
}

// find looks for a request among the bytes that the hop sent to the server, where they were read as
// something else.
func (h *Hop) find(x *Exchange, far []*Exchange, sent []byte) {
	line := []byte(x.Request.Method + " " + x.Request.Target + " ")
	if len(x.Request.Raw) == 0 {
		return
	}
	for i, f := range far {
		from := bytes.Index(sent, f.Request.Raw)
		if from < 0 || len(f.Request.Raw) == 0 {
			continue
		}
		h.Before = f
		if j := bytes.Index(f.Request.Raw, line); j > 0 {
			h.Within, h.Stray = WithinHeaders, f.Request.Raw[j:min(len(f.Request.Raw), j+MaxRecorded)]
			return
		}
		sent = sent[from+len(f.Request.Raw):]
		rest := sent
		if i+1 < len(far) {
			if next := bytes.Index(rest, far[i+1].Request.Raw); next >= 0 {
				rest = rest[:next]
			}
		}
		if j := bytes.Index(rest, line); j >= 0 {
			h.Within, h.Stray = WithinContent, rest[j:min(len(rest), j+MaxRecorded)]
			if f.Outcome == Switched {
				h.Within = WithinTunnel
			}
			return
		}
	}
	h.Before = nil
}

// A moment is when some bytes of an exchange were seen.
type moment struct {
	at    time.Duration // since the request began on the near side
	far   bool
	from  Direction
	bytes []byte
}

// withFar returns the transcript of both sides of an exchange that has a far side. Where the times
// do not tell the order, it is that in which a hop passes on what it gets.
func (x *Exchange) withFar() *Transcript {
	var all []moment
	zero := x.Time
	if f := x.Hop.Before; f != nil {
		all = append(all, f.moments(true, f.Time)...)
		for i := range all {
			all[i].at -= time.Hour // it was before
		}
	}
	if x.Hop.Within == WithinContent {
		all = append(all, moment{-time.Minute, true, FromClient, x.Hop.Stray})
	}
	near := x.moments(false, zero)
	far := []moment(nil)
	if f := x.Hop.Far; f != nil {
		if !x.Hop.Clock {
			zero = f.Time
		}
		far = f.moments(true, zero)
	}
	order := func(list []moment, from Direction) (part []moment) {
		for _, m := range list {
			if m.from == from {
				part = append(part, m)
			}
		}
		return part
	}
	all = append(all, order(near, FromClient)...)
	all = append(all, far...)
	all = append(all, order(near, FromServer)...)
	slices.SortStableFunc(all, func(a, b moment) int { return int(a.at/time.Microsecond) - int(b.at/time.Microsecond) })
	t := new(Transcript)
	for _, m := range all {
		t.add(m.from, m.far, m.bytes)
	}
	t.Seen = x.Hop.Seen
	return t
}

// moments are the parts of an exchange in their order, with their times since a point in time.
func (x *Exchange) moments(far bool, zero time.Time) (all []moment) {
	began := x.Time.Sub(zero)
	answered := began + x.Took
	add := func(at time.Duration, from Direction, b []byte) { all = append(all, moment{at, far, from, b}) }
	add(began, FromClient, x.Request.Raw)
	add(began, FromClient, x.Early)
	for _, p := range x.Interim {
		add(answered, FromServer, p.Raw)
	}
	if x.Former != nil {
		add(answered, FromServer, x.Former.Raw)
	}
	add(answered, FromServer, x.Noise)
	if x.Response != nil {
		add(answered, FromServer, x.Response.Raw)
	}
	const later = time.Microsecond // than the head of the response
	client := x.After.Client
	if n := min(len(x.Early), len(client)); bytes.Equal(x.Early[:n], client[:n]) {
		client = client[n:]
	}
	if n := x.Next.Bytes; x.Outcome != Switched && !bytes.HasPrefix(x.Early, n) {
		add(answered+later, FromClient, n)
	}
	add(answered+later, FromClient, client)
	add(answered+later, FromServer, x.After.Server)
	return all
}
