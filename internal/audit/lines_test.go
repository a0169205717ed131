package audit

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestLinesAreStable holds the JSON lines of exchanges, byte for byte: programs read them.
func TestLinesAreStable(t *testing.T) {
	var out bytes.Buffer
	a := Audit{Emit: event.JSON(zerolog.New(&out)), Bounds: Bounds{Evidence: 4 << 10}, State: func(r *rules.Ruling) {
		for i := range r.Findings {
			r.Findings[i].State = "new"
		}
	}}
	x := exchange("unsafe", fmt.Sprintf(post, "/chat?token=s3cret"))
	x.Final, x.Elsewhere, x.Altered = false, "10.0.0.1:80", []string{"Via"}
	a.Observe(head(x))
	a.Observe(x)
	closed := *x
	closed.Revision, closed.Final, closed.Cause = 2, true, wire.CauseClient
	closed.After.ClientBytes, closed.After.ServerBytes = 812, 4103
	closed.After.End = &wire.End{
		Open: time.Minute, Idle: 2500 * time.Millisecond, Client: wire.Word{Kind: wire.WordPing},
		Server: wire.Word{Kind: wire.WordClose, Code: 1008, Reason: "no \"\x1b\""},
	}
	a.Observe(&closed)

	a.Store = func(_ *rules.Ruling, then func(bool)) { then(true) }
	blocked := exchange("blocked", fmt.Sprintf(post, "/\x1b/chat"))
	blocked.Blocked = true
	a.Observe(blocked)

	amended := exchange("amended", sound("/rooms"))
	amended.Final = false
	a.Observe(amended)
	later := *amended
	later.Revision, later.Final = 1, true
	later.After.Server = []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
	a.Observe(&later)

	probe := exchange("probe", fmt.Sprintf(post, "/probed"))
	probe.Origin, probe.Probe = wire.OriginProbe, "UPGRADE-POST"
	a.Observe(probe)

	const golden = "testdata/lines.golden"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	for _, kind := range []string{"unsafe switch", "blocked switch", "exchange", "exchange amended", "tunnel closed", "evidence shed"} {
		if !strings.Contains(string(want), `"message":"`+kind+`"`) {
			t.Errorf("no line says %s", kind)
		}
	}
}

// BenchmarkLines is what a valid handshake costs together with its line.
func BenchmarkLines(b *testing.B) {
	a := Audit{Emit: event.JSON(zerolog.New(io.Discard))}
	x := whole(exchange("1", sound("/chat")))
	b.ReportAllocs()
	for b.Loop() {
		a.Observe(x)
	}
}
