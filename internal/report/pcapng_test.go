package report

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// comments returns the comments of each packet in a file that has some.
func comments(t *testing.T, file string) (all []string) {
	t.Helper()
	r, err := pcapgo.NewNgReader(strings.NewReader(file), pcapgo.NgReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, _, options, err := r.ReadPacketDataWithOptions()
		switch {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, options.Comments...)
	}
}

// TestPacketsAreReadAgain reads the packets of exchanges as a capture: the heads and the first bytes
// after a 101 are those that are shown, and each finding is a comment.
func TestPacketsAreReadAgain(t *testing.T) {
	all := rulings(t)[:6] // the last one was made by hand, and cannot be read
	file := render(t, "pcapng", Options{Version: "1.2"}, all)
	if again := render(t, "pcapng", Options{Version: "1.2"}, all); again != file {
		t.Error("the same report is written in two ways")
	}
	var found []*wire.Exchange
	reader := capture.Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }}
	if _, err := reader.Read(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	if len(found) != len(all) {
		t.Fatalf("%d exchanges of %d", len(found), len(all))
	}
	broken := 0
	var got, want []string
	for i, r := range all {
		for _, f := range r.Findings {
			if f.Verdict < rules.Pass {
				broken++
			}
		}
		want = append(want, string(r.Head(rules.InRequest))+string(r.Head(rules.InResponse)))
		text := string(found[i].Request.Raw)
		if found[i].Response != nil {
			text += string(found[i].Response.Raw)
		}
		got = append(got, text)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	said := comments(t, file)
	if len(said) != broken || !strings.Contains(strings.Join(said, "\n"), "Interlock: fail (critical) UPGRADE-POST: Server accepted a WebSocket handshake with method") {
		t.Errorf("%d comments, want %d: %q", len(said), broken, said)
	}
	for _, line := range said {
		for _, c := range []byte(line) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q", line)
			}
		}
	}
}

// TestPacketsOfATunnelTellHowLongItWas checks a tunnel of which not all bytes are shown, and two
// exchanges on one connection.
func TestPacketsOfATunnelTellHowLongItWas(t *testing.T) {
	x := *rulings(t)[1].X
	x.Client, x.Backend, x.Cause = "[2001:db8::1]:5000", "10.0.0.1:80", wire.CauseServer
	x.After = wire.After{Server: []byte("\x81\x05Hello"), ServerBytes: 100_000, Ended: true, End: &wire.End{Open: 1e9}}
	r := rules.Classify(rules.Case{X: &x})
	file := render(t, "pcapng", Options{}, []*rules.Ruling{r, r})
	var found []*wire.Exchange
	reader := capture.Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }}
	if _, err := reader.Read(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Client == found[1].Client || found[0].Backend != "[::ffff:10.0.0.1]:80" && found[0].Backend != "10.0.0.1:80" {
		t.Fatalf("%+v", found)
	}
	if a := found[0].After; string(a.Server) != "\x81\x05*****" {
		t.Errorf("%q", a.Server)
	}
	packets, err := pcapgo.NewNgReader(strings.NewReader(file), pcapgo.NgReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, _, err := packets.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		tcp, _ := gopacket.NewPacket(b, layers.LayerTypeIPv6, gopacket.Default).Layer(layers.LayerTypeTCP).(*layers.TCP)
		if tcp == nil {
			t.Fatalf("%q is not TCP", b)
		}
		if tcp.FIN && tcp.SrcPort == 80 {
			if want := uint32(1 + len(x.Response.Raw) + 100_000); tcp.Seq != want {
				t.Errorf("the server's last number is %d, want %d", tcp.Seq, want)
			}
			return
		}
	}
}
