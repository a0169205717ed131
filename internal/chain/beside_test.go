package chain

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// TestTheOtherServerIsNamedAsTheHopReachesIt listens on every address, as one does for a proxy on
// another machine. No such proxy can connect to an other server at "[::]" or "0.0.0.0".
func TestTheOtherServerIsNamedAsTheHopReachesIt(t *testing.T) {
	sink, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	_, port, _ := net.SplitHostPort(sink.Addr)
	started, err := lab.StartHop("follows-absolute-target", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	hop := &Hop{Address: started.Addr, Host: started.Addr}
	if err := Await(t.Context(), hop, sink, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	probes, err := Select([]string{"CHAIN-SSRF-ABS"}, nil, false, HTTP1)
	if err != nil {
		t.Fatal(err)
	}
	hit := false
	_, err = Run(t.Context(), hop, sink, Settings{Times: quick(4)}, probes, func(r Result) {
		if r.Probe.ID != "CHAIN-SSRF-ABS" {
			return
		}
		hit = r.Verdict == rules.Fail
		if !strings.HasPrefix(r.Near.Request.Target, "http://127.0.0.1:") {
			t.Errorf("the target is %q, want the other server at 127.0.0.1", r.Near.Request.Target)
		}
	})
	if err != nil || !hit {
		t.Errorf("got %v, fault found: %t", err, hit)
	}
}
