package wire

import (
	"fmt"
	"time"
)

// Exchanges judges nothing: it plays the transcript to a [Conversation] and returns what that
// reports, each exchange in its last form, in the order in which they were first reported. Every
// chunk comes a millisecond after the one before, or after the time without a byte between them.
//
// If the transcript has the far side of a proxy, each exchange has what belongs to it there, and
// those that have nothing to do with an upgrade are returned too: a proxy may have answered them with
// what belongs to one.
func (t *Transcript) Exchanges(common Common) []*Exchange {
	hop := t.HasFar()
	common.Every = common.Every || hop
	found := t.play(common, false)
	t.giveFrames(found)
	if hop {
		t.joinHop(found, common)
	}
	return found
}

// play returns the exchanges of one side.
func (t *Transcript) play(common Common, far bool) []*Exchange {
	end := t.End
	if far {
		end = t.FarEnd
	}
	common.Outer = true // the streams in its tunnel have transcripts of their own
	found := collect(&common, end)
	if what := t.stream(); what != nil && !far {
		t.playStream(common, *what)
		return found.exchanges()
	}
	now := time.Unix(0, 0).UTC()
	var c Conversation
	c.Open(&common)
	for _, chunk := range t.Chunks {
		now = now.Add(time.Millisecond)
		if chunk.Far == far {
			c.Feed(chunk.From, chunk.Bytes, now)
			c.Wrote(chunk.From, len(chunk.Bytes))
		}
		if chunk.Idle > 0 {
			now = now.Add(chunk.Idle)
			pass(&c, now)
		}
	}
	finish(&c, end, now)
	return found.exchanges()
}

// A collection has the exchanges that are reported, each in its last form.
type collection struct {
	order []string
	last  map[string]*Exchange
}

// collect has what is reported collected, of a transcript that ends so.
func collect(common *Common, end string) *collection {
	found := &collection{last: map[string]*Exchange{}}
	names := 0
	common.NewID = func(time.Time) string { names++; return fmt.Sprint(names) }
	common.Emit = func(x *Exchange) {
		if found.last[x.ID] == nil {
			found.order = append(found.order, x.ID)
		}
		if end == "" && x.Response == nil && x.Outcome == Closed { // the transcript does not say that the connection ended
			unseen := *x
			unseen.Outcome, unseen.Cause = Unseen, ""
			x = &unseen
		}
		found.last[x.ID] = x
	}
	if common.Counts == nil {
		common.Counts = new(Counts)
	}
	if common.Origin == "" {
		common.Origin = OriginFile
	}
	return found
}

// exchanges are those that were collected, in the order in which they were first reported.
func (f *collection) exchanges() []*Exchange {
	all := make([]*Exchange, 0, len(f.order))
	for _, id := range f.order {
		all = append(all, withoutBlanked(f.last[id]))
	}
	return all
}

// pass has a conversation do what is due by then.
func pass(c *Conversation, now time.Time) {
	const most = 8 // things that are due one after the other
	for range most {
		due := c.Due()
		if due.IsZero() || now.Before(due) {
			return
		}
		c.Tick(due)
	}
}

func finish(c *Conversation, end string, now time.Time) {
	switch end {
	case "silent":
		c.Tick(now.Add(SilentAfter))
		c.Settle(CauseClient, now.Add(SilentAfter))
	case "reset":
		c.Settle(CauseServerReset, now)
	case "lost":
		c.Closing([2]*LastRead{}, true)
		c.Settle(CauseServerReset, now)
	case "client lost":
		c.Closing([2]*LastRead{}, true)
		c.Settle(CauseClientReset, now)
	case "stopped":
		c.Settle(CauseDrain, now)
	case "closed":
		c.Ended(FromServer, now)
		c.Settle(CauseServer, now)
	case "client reset":
		c.Settle(CauseClientReset, now)
	case "client closed":
		c.Ended(FromClient, now)
		c.Settle(CauseClient, now)
	default:
		c.Settle(CauseClient, now)
	}
}

// Transcript returns what was recorded of the exchange: the heads in their order, then the first
// bytes of the tunnel from the client and from the server. If there is a far side, both are in the
// order of their times.
func (x *Exchange) Transcript() *Transcript {
	if x.Hop != nil {
		t := x.withFar()
		t.Meta = x.FramesMeta()
		t.End = x.end()
		if far := x.Hop.Far; far != nil {
			t.FarEnd = far.end()
		}
		if t.FarEnd == "" && !t.HasFar() {
			t.FarEnd = "closed" // nothing arrived
		}
		return t
	}
	t, early := &Transcript{Meta: x.FramesMeta()}, []byte(nil)
	t.Add(FromClient, x.Request.Raw)
	if x.Stream != nil { // its frames leave no doubt where the request ends
		early = x.Early
		t.Add(FromClient, early)
	}
	for _, p := range x.Interim {
		t.Add(FromServer, p.Raw)
	}
	if x.Former != nil {
		t.Add(FromServer, x.Former.Raw)
	}
	t.Add(FromServer, x.Noise)
	if x.Response != nil {
		t.Add(FromServer, x.Response.Raw)
	}
	t.Add(FromClient, x.After.Client[min(len(early), len(x.After.Client)):])
	t.Add(FromServer, x.After.Server)
	if e := x.After.End; e != nil && e.Idle >= time.Second {
		t.Chunks[len(t.Chunks)-1].Idle = min(e.Idle, maxIdle)
	}
	t.End = x.end()
	return t
}

// end is how the connection of the exchange ended, as a transcript says it.
func (x *Exchange) end() string {
	switch {
	case x.Outcome == Silent:
		return "silent"
	case x.Response != nil && x.Response.unfinished():
		return "closed"
	case x.Outcome != Closed && !x.After.Ended:
		return ""
	case x.Cause == CauseServerReset && x.lost():
		return "lost"
	case x.Cause == CauseServerReset:
		return "reset"
	case x.Cause == CauseServer:
		return "closed"
	case x.Cause == CauseClientReset && x.lost():
		return "client lost"
	case x.Cause == CauseClientReset:
		return "client reset"
	case x.Cause == CauseDrain && x.After.Ended:
		return "stopped"
	case x.Cause == CauseClient && x.Outcome == Closed: // of a tunnel, that goes without saying
		return "client closed"
	}
	return ""
}

// lost reports whether the tunnel ended because a peer no longer answered.
func (x *Exchange) lost() bool { return x.After.End != nil && x.After.End.Lost }
