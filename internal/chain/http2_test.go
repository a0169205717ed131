package chain

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/rules"
)

// A bridge is a gateway from HTTP/2 to HTTP/1.1 for one WebSocket on each connection. The zero value but for
// the address is sound.
type bridge struct {
	sink      string
	early     bool // it forwards DATA before the answer
	late      bool // it forwards DATA after a refusal
	unchecked bool // it takes any 101
	opens     bool // it takes any 2xx for a tunnel
	crumbs    bool // it does not join cookies

	mu     sync.Mutex // of what follows
	framer *http2.Framer
	far    net.Conn
	held   []byte // DATA before the answer
	ready  bool   // the answer has come
	tunnel bool
}

// serve talks to one client.
func (g *bridge) serve(conn net.Conn) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	g.framer = http2.NewFramer(conn, conn)
	g.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = g.framer.WriteSettings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	var answering sync.WaitGroup
	defer answering.Wait()
	for {
		f, err := g.framer.ReadFrame()
		if err != nil {
			break
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if g.far, err = net.Dial("tcp", g.sink); err != nil {
				return
			}
			_, _ = io.WriteString(g.far, g.head(f))
			answering.Go(g.answer)
		case *http2.DataFrame:
			g.mu.Lock()
			if g.tunnel || g.early || g.late && g.ready {
				_, _ = g.far.Write(f.Data())
			} else if !g.ready {
				g.held = append(g.held, f.Data()...)
			}
			g.mu.Unlock()
		}
	}
	if g.far != nil {
		g.far.Close()
	}
}

// head is the request in HTTP/1.1.
func (g *bridge) head(f *http2.MetaHeadersFrame) string {
	text := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\n",
		f.PseudoValue("path"), f.PseudoValue("authority"), f.PseudoValue("protocol"))
	var cookies []string
	for _, field := range f.RegularFields() {
		if field.Name == "cookie" && !g.crumbs {
			cookies = append(cookies, field.Value)
			continue
		}
		text += field.Name + ": " + field.Value + "\r\n"
	}
	if len(cookies) > 0 {
		text += "cookie: " + strings.Join(cookies, "; ") + "\r\n"
	}
	return text + "\r\n"
}

// answer forwards the answer of the sink.
func (g *bridge) answer() {
	br := bufio.NewReader(g.far)
	p, err := http.ReadResponse(br, nil)
	for err == nil && p.StatusCode == http.StatusEarlyHints {
		p, err = http.ReadResponse(br, nil)
	}
	status := http.StatusBadGateway
	switch {
	case err != nil:
	case p.StatusCode == http.StatusSwitchingProtocols:
		sound := p.Header.Get("Upgrade") == "websocket" && p.Header.Get("Sec-WebSocket-Accept") == accept("MDAwMDAwMDAwMDAwMDAwMA==")
		if sound || g.unchecked {
			status = http.StatusOK
		}
	case p.StatusCode/100 != 2 || g.opens:
		status = p.StatusCode
	}
	g.mu.Lock()
	g.ready, g.tunnel = true, status/100 == 2
	_ = g.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: statusBlock(status), EndHeaders: true, EndStream: !g.tunnel})
	if g.tunnel || g.late {
		_, _ = g.far.Write(g.held)
	}
	g.mu.Unlock()
	buffer := make([]byte, 4<<10)
	for {
		n, err := br.Read(buffer)
		if err != nil {
			return
		}
		g.mu.Lock()
		_ = g.framer.WriteData(1, false, buffer[:n])
		g.mu.Unlock()
	}
}

func statusBlock(status int) []byte {
	var b bytes.Buffer
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(status)})
	return b.Bytes()
}

// TestHTTP2ProbesFindFaults sends the probes of HTTP/2 through a sound gateway and through each with one
// fault.
func TestHTTP2ProbesFindFaults(t *testing.T) {
	t.Parallel()
	for name, each := range map[string]struct {
		bridge func(sink string) *bridge
		want   []string
	}{
		"sound":     {func(sink string) *bridge { return &bridge{sink: sink} }, nil},
		"early":     {func(sink string) *bridge { return &bridge{sink: sink, early: true} }, []string{"critical UPGRADE-HOP-PREMATURE CHAIN-H2-EARLY", "critical UPGRADE-HOP-PREMATURE CHAIN-H2-EARLY-99"}},
		"late":      {func(sink string) *bridge { return &bridge{sink: sink, late: true} }, []string{"critical UPGRADE-HOP-TUNNEL-NON101 CHAIN-H2-EARLY", "critical UPGRADE-HOP-TUNNEL-NON101 CHAIN-H2-EARLY-99"}},
		"crumbs":    {func(sink string) *bridge { return &bridge{sink: sink, crumbs: true} }, []string{"medium UPGRADE-H2-COOKIE CHAIN-H2-COOKIES"}},
		"opens":     {func(sink string) *bridge { return &bridge{sink: sink, opens: true} }, []string{"high UPGRADE-HOP-TUNNEL-NON101 CHAIN-H2-200", "high UPGRADE-HOP-TUNNEL-NON101 CHAIN-H2-201", "high UPGRADE-HOP-TUNNEL-NON101 CHAIN-H2-204"}},
		"unchecked": {func(sink string) *bridge { return &bridge{sink: sink, unchecked: true} }, []string{"medium UPGRADE-HOP-101-UNCHECKED CHAIN-H2-101-ACCEPT", "medium UPGRADE-HOP-101-UNCHECKED CHAIN-H2-101-H2C", "medium UPGRADE-HOP-101-UNCHECKED CHAIN-H2-101-NOACCEPT", "medium UPGRADE-HOP-101-UNCHECKED CHAIN-H2-101-NOUPGRADE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink, err := Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer sink.Close()
			addr := bridgeServer(t, func() *bridge { return each.bridge(sink.Addr) })
			var got []string
			_, err = Run(t.Context(), &Hop{Address: addr, Host: addr}, sink, Settings{Times: quick(4)}, HTTP2Probes(), func(r Result) {
				checkRuling(t, name, r)
				for _, f := range r.Ruling.Findings {
					if f.Verdict < rules.Pass {
						got = append(got, fmt.Sprintf("%v %s %s", f.Severity, f.Rule.ID, r.Probe.ID))
					}
				}
				if r.Verdict == rules.NotApplicable || r.Far == nil || !r.Near.Request.HTTP2() || r.Far.Request.HTTP2() {
					t.Errorf("%s: %v, %s", r.Probe.ID, r.Verdict, r.Why)
				}
			})
			slices.Sort(got)
			if err != nil || !slices.Equal(got, each.want) {
				t.Errorf("%v: got %q, want %q", err, got, each.want)
			}
		})
	}
}

// bridgeServer serves each connection by a bridge of its own until the test ends.
func bridgeServer(t *testing.T, next func() *bridge) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { next().serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

// TestHTTP2ProbesAreChosen checks which probes a run over HTTP/2 has, and that a probe of it needs the flag.
func TestHTTP2ProbesAreChosen(t *testing.T) {
	t.Parallel()
	chosen, err := Select(nil, []string{"CHAIN-H2-101-*"}, false, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range chosen {
		if !strings.HasPrefix(p.ID, "CTRL-") && (!strings.HasPrefix(p.ID, "CHAIN-H2-") || strings.HasPrefix(p.ID, "CHAIN-H2-101-")) {
			t.Errorf("%s is chosen", p.ID)
		}
	}
	if _, err := Select([]string{"CHAIN-H2-EARLY"}, nil, false, false); err == nil || !strings.Contains(err.Error(), "--http 2") {
		t.Errorf("got %v, want the flag that is missing", err)
	}
	if len(chosen) != len(HTTP2Probes())-4+6 || FindProbe("CHAIN-H2-EARLY") == nil {
		t.Errorf("%d probes are chosen", len(chosen))
	}
}
