package wire

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// corpus returns the near side of every transcript of the rulebook: real handshakes, malformed ones,
// and bytes that are not HTTP.
func corpus(t testing.TB) map[string]*Transcript {
	all := transcripts(t)
	for name, transcript := range all {
		all[name] = transcript.Near()
	}
	return all
}

// transcripts returns every transcript of the rulebook.
func transcripts(t testing.TB) map[string]*Transcript {
	t.Helper()
	files, err := filepath.Glob("../rules/testdata/*/*.wire")
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d transcripts in ../rules/testdata: %v", len(files), err)
	}
	all := map[string]*Transcript{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParseTranscript(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = parsed
	}
	return all
}

// listener collects the reports of a conversation.
type listener struct {
	common  Common
	reports []*Exchange
	names   int
}

func listen(c *Conversation) *listener {
	l := &listener{}
	l.common = Common{
		Origin: OriginLive, Pool: new(Pool), Counts: new(Counts),
		Emit:  func(x *Exchange) { l.reports = append(l.reports, x) },
		NewID: func(time.Time) string { l.names++; return fmt.Sprint(l.names) },
	}
	c.Open(&l.common)
	return l
}

// last returns the last report of each exchange, in the order of their first reports.
func (l *listener) last() []*Exchange {
	var found []*Exchange
	at := map[string]int{}
	for _, x := range l.reports {
		if i, ok := at[x.ID]; ok {
			found[i] = x
			continue
		}
		at[x.ID] = len(found)
		found = append(found, x)
	}
	return found
}

// describe returns everything about an exchange but its times and revision.
func describe(x *Exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s final=%v complete=%v body=%v early=%d %q\n", x.Outcome, x.Cause, x.Final, x.Complete, x.BodyDone, x.EarlyBytes, x.Early)
	fmt.Fprintf(&b, "  request %q %v\n", x.Request.Raw, x.Request.Flaws)
	for _, p := range x.Interim {
		fmt.Fprintf(&b, "  interim %q\n", p.Raw)
	}
	if len(x.Noise) > 0 {
		fmt.Fprintf(&b, "  noise %q\n", x.Noise)
	}
	if x.Former != nil {
		fmt.Fprintf(&b, "  former %q\n", x.Former.Raw)
	}
	if x.Response != nil {
		fmt.Fprintf(&b, "  response %q %v\n", x.Response.Raw, x.Response.Flaws)
	}
	a := x.After
	fmt.Fprintf(&b, "  after opaque=%v %q %q %d %d %v %v %v\n", a.Opaque, a.Client, a.Server, a.ClientBytes, a.ServerBytes, a.ClientClosed, a.ServerClosed, a.Ended)
	frames, _ := json.Marshal(a.Frames)
	fmt.Fprintf(&b, "  frames %s\n", frames)
	fmt.Fprintf(&b, "  next %q %v %v\n", x.Next.Bytes, x.Next.HTTP, x.Next.Answered)
	return b.String()
}

// splits are the ways in which the tests split bytes.
var splits = map[string]func(n int) int{
	"whole": func(n int) int { return n },
	"bytes": func(int) int { return 1 },
	"three": func(n int) int { return min(3, n) },
}
