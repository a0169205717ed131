//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"
	"time"
)

// TestLibrariesRaiseNothing sends text, binary messages, fragments, a ping and a close frame through
// interlock serve to a server of each library, without compression and with it. Its frames are read
// to the end, and nothing above info is found.
func TestLibrariesRaiseNothing(t *testing.T) {
	t.Parallel()
	for name, start := range echoServers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raisesNothing(t, start(t))
		})
	}
}

// raisesNothing does so for the library of a server.
func raisesNothing(t *testing.T, addr string) {
	t.Helper()
	p := serve(t, addr)
	got := run(t, program(t, "/usr/bin/python3", "python3-websockets"), "python/converse_client.py", "ws://"+p.listen+"/chat")
	if got.stdout != "ok\n" {
		t.Fatal(got.stdout, got.stderr)
	}
	for _, target := range []string{"/chat?plain", "/chat?deflate"} {
		x := p.afterEnd(t, p.exchange(t, target).Exchange)
		for _, f := range x.Findings {
			if (f.Verdict == "fail" || f.Verdict == "warn" || f.Verdict == "unclear") && f.Severity != "info" {
				t.Errorf("%s: %s %s %s: %s", target, f.Verdict, f.Severity, f.Rule, f.Detail)
			}
		}
		c, s := x.Frames.Client, x.Frames.Server
		if c.Messages != sentMessages || s.Messages < sentMessages || c.Fragmented != 1 || c.Pings.Answered != 1 || c.Close.Code != 1000 || s.Close.Code != 1000 {
			t.Errorf("%s: frames of the client %+v, of the server %+v", target, c, s)
		}
		if len(c.Faults)+len(s.Faults) > 0 || c.Lost || s.Lost || c.Read != x.After.ClientBytes || s.Read != x.After.ServerBytes {
			t.Errorf("%s: of %+v bytes, frames of the client %+v, of the server %+v", target, x.After, c, s)
		}
	}
}

// sentMessages is how many messages python/converse_client.py sends.
const sentMessages = 5

// sentFrames is what the API says of the frames of one side.
type sentFrames struct {
	Messages, Fragmented, Read int64
	Pings                      struct{ Answered int64 }
	Close                      struct{ Code int }
	Faults                     []struct{ Kind string }
	Lost                       bool
}

// exchanged is an exchange as the API has it.
type exchanged struct {
	Findings []finding
	Frames   struct{ Client, Server sentFrames }
	After    struct {
		ClientBytes, ServerBytes int64
		End                      *struct{}
	}
}

// afterEnd returns an exchange after the end of its tunnel.
func (p *process) afterEnd(t *testing.T, id string) (x exchanged) {
	t.Helper()
	for deadline := time.Now().Add(patience); x.After.End == nil; time.Sleep(20 * time.Millisecond) {
		if err := json.Unmarshal(get(t, p, "/api/v1/exchanges/"+id), &x); err != nil || time.Now().After(deadline) {
			t.Fatalf("%v, %+v: the tunnel of %s has not ended", err, x, id)
		}
	}
	return x
}
