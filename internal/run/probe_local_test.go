package run

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
)

// TestCanaryAddresses checks values of --canary: a wrong one is a usage error before anything is
// sent, and none is an address that means another host to the target.
func TestCanaryAddresses(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for address, want := range map[string]string{
		"": "", "127.0.0.1:0": "", "localhost:0": "",
		"x": "must be a host and a port", ":0": "must be a host and a port", "127.0.0.1:99999": "must be a host and a port", "127.0.0.1:http": "must be a host and a port",
		"192.0.2.1:80": "cannot listen at 192.0.2.1:80", busy.Addr().String(): "address already in use", "0.0.0.0:0": "every address", "[::]:0": "every address",
	} {
		var usage exit.Error
		err := CheckCanary(address)
		if want == "" && err != nil || want != "" && (!errors.As(err, &usage) || usage.Status != exit.StatusUsage || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", address, err, want)
		}
	}
}

// TestFlagsAboutThisMachine checks flags that do not fit to a target on another machine.
func TestFlagsAboutThisMachine(t *testing.T) {
	for _, c := range []struct {
		flags ProbeFlags
		at    string
		want  string
	}{
		{ProbeFlags{Canary: "127.0.0.1:0"}, "192.0.2.1:80", "127.0.0.1 cannot be reached from http://a.test/chat, which is at 192.0.2.1"},
		{ProbeFlags{ServerPID: 7}, "192.0.2.1:80", "a.test/chat is at 192.0.2.1"},
		{ProbeFlags{Canary: "192.0.2.7:0"}, "192.0.2.1:80", ""},
		{ProbeFlags{Canary: "127.0.0.1:0", ServerPID: 7}, "127.0.0.1:80", ""},
	} {
		at, err := parsePlace("http://a.test/chat")
		if err != nil {
			t.Fatal(err)
		}
		p := &Probing{Flags: &c.flags, sites: []*site{{place: at, target: probe.Target{Address: c.at}}}}
		if err := p.local(context.Background()); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want %q", c.flags, err, c.want)
		}
	}
}
