package diagnose_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A past feeds exchanges to Tunnels and counts the diagnoses.
type past struct {
	tunnels diagnose.Tunnels
	at      time.Time
	n       int
	told    map[string]int
	last    map[string]rules.Diagnosis
}

func newPast() *past {
	return &past{at: time.Unix(1_800_000_000, 0), told: map[string]int{}, last: map[string]rules.Diagnosis{}}
}

// see observes an exchange that begins now.
func (p *past) see(x *wire.Exchange) {
	p.n++
	x.ID, x.Time = fmt.Sprint(p.n), p.at
	r := rules.Classify(rules.Case{X: x})
	r.Endpoint = rules.EndpointOf(x)
	for _, d := range diagnose.OfSeen(r, p.tunnels.Observe(r)) {
		p.told[fmt.Sprintf("%s %s", d.ID, d.Certainty)]++
		p.last[d.ID] = d
	}
}

// tunnel is a WebSocket tunnel that somebody ended without a Close frame.
func tunnel(target string, open, idle time.Duration, cause wire.Cause) *wire.Exchange {
	x := &wire.Exchange{
		Origin: wire.OriginLive, Final: true, Complete: true, Client: "192.0.2.7:1234", Backend: "192.0.2.9:80", Route: "default", Took: time.Millisecond,
		Outcome: wire.Switched, Cause: cause, BodyDone: true,
		Request: wire.ReadRequest([]byte("GET " + target + " HTTP/1.1\r\nHost: a.test\r\nOrigin: http://a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n")),
	}
	x.After = wire.After{Ended: true, Open: open, End: &wire.End{Open: open, Idle: idle, First: "client", Client: wire.Word{Kind: wire.WordText}, Server: wire.Word{Kind: wire.WordText}}}
	return x
}

const idleLikely, idlePossible = "tunnel-idle-timeout likely", "tunnel-idle-timeout possible"

// TestIdleTimeoutIsFound holds that 200 tunnels with jitter show the timeout that ends them, though
// some end by themselves.
func TestIdleTimeoutIsFound(t *testing.T) {
	for _, timeout := range []time.Duration{2 * time.Second, 3 * time.Second, 17 * time.Second, time.Minute, time.Hour} {
		random, p := rand.New(rand.NewPCG(1, uint64(timeout))), newPast()
		for range 200 {
			p.at = p.at.Add(time.Second)
			jitter := time.Duration(random.NormFloat64() * float64(60*time.Millisecond))
			busy := time.Duration(random.ExpFloat64() * float64(time.Minute))
			x := tunnel("/chat", busy+timeout+jitter, timeout+jitter, wire.CauseServer)
			if random.IntN(10) == 0 { // the user leaves, before that
				x = tunnel("/chat", busy, time.Duration(random.Int64N(int64(timeout))), wire.CauseClient)
				x.After.End.Client = wire.Word{Kind: wire.WordClose, Code: 1001}
			}
			p.see(x)
		}
		if p.told[idleLikely] < 150 {
			t.Errorf("%v: got %v", timeout, p.told)
		}
		d := p.last["tunnel-idle-timeout"]
		want := fmt.Sprintf("tunnels to /chat ended after %.1f s", timeout.Seconds())
		if timeout == time.Hour {
			want = "tunnels to /chat ended after 1h0m0s"
		}
		if !strings.Contains(d.Text, want) || !strings.Contains(d.Fix, "HAProxy: timeout tunnel") || !strings.Contains(d.Fix, "nginx: proxy_read_timeout") ||
			!strings.Contains(d.Fix, fmt.Sprintf("ping every %d s", max(int(timeout.Seconds()*0.4), 1))) {
			t.Errorf("%v: got %+v", timeout, d)
		}
	}
}

// TestNoIdleTimeoutIsInvented holds that tunnels that end at random times show no timeout, nor do
// tunnels of one duration that are busy.
func TestNoIdleTimeoutIsInvented(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(2, seed))
		for name, next := range map[string]func() *wire.Exchange{
			"uniform": func() *wire.Exchange {
				idle := time.Duration(random.Int64N(int64(2 * time.Minute)))
				return tunnel("/chat", idle+time.Second, idle, wire.CauseServer)
			},
			"exponential": func() *wire.Exchange {
				idle := time.Duration(random.ExpFloat64() * float64(20*time.Second))
				return tunnel("/chat", idle+time.Second, idle, wire.CauseServer)
			},
			"busy for a minute": func() *wire.Exchange {
				return tunnel("/chat", time.Minute+time.Duration(random.Int64N(int64(100*time.Millisecond))), time.Duration(random.Int64N(int64(5*time.Second))), wire.CauseServer)
			},
			"quick": func() *wire.Exchange { return tunnel("/chat", time.Second, time.Second, wire.CauseServer) },
		} {
			p := newPast()
			for range 200 {
				p.at = p.at.Add(time.Minute)
				p.see(next())
			}
			if p.told[idleLikely] > 0 {
				t.Errorf("%s, seed %d: %d times: %s", name, seed, p.told[idleLikely], p.last["tunnel-idle-timeout"].Text)
			}
			if got := p.told["tunnel-lifetime likely"]; (got > 100) != (name == "busy for a minute") {
				t.Errorf("%s, seed %d: a lifetime %d times", name, seed, got)
			}
		}
	}
}

// TestUnseenEndsAreNotGuessed checks that a tunnel whose last bytes were not seen is not said to have
// ended without a Close frame.
func TestUnseenEndsAreNotGuessed(t *testing.T) {
	p := newPast()
	for range 8 {
		x := tunnel("/chat", time.Minute, time.Minute, wire.CauseServer)
		x.After.End.Client = wire.Word{}
		p.see(x)
	}
	if len(p.told) != 0 {
		t.Errorf("got %v", p.told)
	}
}

// TestNginxBeforeTheBackendIsNamed holds that one tunnel which nginx may have ended after any timeout
// leads to the timeouts of nginx, and one that ends while it is busy does not.
func TestNginxBeforeTheBackendIsNamed(t *testing.T) {
	for idle, want := range map[time.Duration]bool{1990 * time.Millisecond: true, 20 * time.Second: true, 200 * time.Millisecond: false} {
		p, x := newPast(), tunnel("/chat", time.Minute, idle, wire.CauseServer)
		x.Response = wire.ReadResponse(append(bytes.TrimSuffix(x.Response.Raw, []byte("\r\n")), "Server: nginx/1.22.1\r\n\r\n"...))
		p.see(x)
		d := p.last["tunnel-no-close"]
		if got := strings.Contains(d.Cause, "proxy_read_timeout") && strings.Contains(d.Fix, "nginx: proxy_read_timeout"); got != want {
			t.Errorf("%v: got %+v", idle, p.last)
		}
	}
}

// TestEndpointsAreApart holds that the tunnels of other endpoints are no evidence.
func TestEndpointsAreApart(t *testing.T) {
	p := newPast()
	for i := range 8 {
		p.see(tunnel("/chat"+strings.Repeat("x", i), time.Minute, time.Minute, wire.CauseServer))
	}
	if p.told[idlePossible] != 8 {
		t.Errorf("got %v", p.told)
	}
}

// TestReconnectStorm holds what counts as a storm of one client, and what does not.
func TestReconnectStorm(t *testing.T) {
	refused := func() *wire.Exchange {
		x := tunnel("/chat", 0, 0, "")
		x.Outcome, x.After, x.Response = wire.Refused, wire.After{}, wire.ReadResponse([]byte("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"))
		return x
	}
	dropped := func() *wire.Exchange {
		return tunnel("/chat", 20*time.Millisecond, 10*time.Millisecond, wire.CauseServer)
	}
	left := func() *wire.Exchange {
		return tunnel("/chat", 20*time.Millisecond, 10*time.Millisecond, wire.CauseClient)
	}
	forwarded := func(value string) func() *wire.Exchange {
		n := 0
		return func() *wire.Exchange {
			x := refused()
			n++
			x.Request = wire.ReadRequest([]byte(strings.Replace(string(x.Request.Raw), "\r\n\r\n", "\r\n"+strings.ReplaceAll(value, "N", fmt.Sprint(n))+"\r\n\r\n", 1)))
			return x
		}
	}
	steady := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
	for name, test := range map[string]struct {
		next  func() *wire.Exchange
		pause func(i int) time.Duration
		storm bool
	}{
		"refused each second":         {refused, steady(time.Second), true},
		"dropped at once":             {dropped, steady(100 * time.Millisecond), true},
		"refused each 4 s":            {refused, steady(4 * time.Second), false},
		"one client of a proxy":       {forwarded("X-Forwarded-For: 192.0.2.7, 192.0.2.N"), steady(time.Second), true},
		"clients of a proxy":          {forwarded("X-Forwarded-For: 192.0.2.N"), steady(time.Second), false},
		"a proxy that does not say":   {forwarded("Via: 1.1 edge"), steady(time.Second), false},
		"with a back-off":             {refused, func(i int) time.Duration { return 10 * time.Millisecond << min(i, 10) }, false},
		"in good order":               {left, steady(100 * time.Millisecond), false},
		"many connections in a burst": {refused, steady(0), false},
	} {
		p := newPast()
		for i := range 12 {
			p.see(test.next())
			p.at = p.at.Add(test.pause(i))
		}
		if got := p.told["reconnect-storm possible"]; (got > 0) != test.storm {
			t.Errorf("%s: %d times, %s", name, got, p.last["reconnect-storm"].Text)
		}
	}
}

// TestTunnelsAreBounded holds that memory does not grow with the number of endpoints and clients.
func TestTunnelsAreBounded(t *testing.T) {
	var tunnels diagnose.Tunnels
	p := newPast()
	x := tunnel("/chat", time.Millisecond, 0, wire.CauseServer)
	r := rules.Classify(rules.Case{X: x})
	for i := range 5000 {
		r.Endpoint, x.Client, x.Time = fmt.Sprint(i), fmt.Sprintf("192.0.%d.%d:1", i/256, i%256), p.at
		tunnels.Observe(r)
	}
	if places, comers := tunnels.Size(); places > 1000 || comers > 2000 {
		t.Errorf("%d endpoints, %d clients", places, comers)
	}
}

// BenchmarkTunnels is what the end of a tunnel costs with its diagnoses.
func BenchmarkTunnels(b *testing.B) {
	p := newPast()
	x := tunnel("/chat", time.Minute, time.Minute, wire.CauseServer)
	x.Time, x.ID = p.at, "1"
	r := rules.Classify(rules.Case{X: x})
	r.Endpoint = "/chat"
	b.ReportAllocs()
	for b.Loop() {
		diagnose.OfSeen(r, p.tunnels.Observe(r))
	}
}
