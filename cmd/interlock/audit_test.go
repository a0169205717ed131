package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// recorded returns a capture of one connection whose faulty server accepts an invalid upgrade.
func recorded(t *testing.T) []byte {
	t.Helper()
	const (
		post = "POST /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
		switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n"
	)
	return captured(t, post, switching)
}

// captured returns a capture of one connection on which the client sends some bytes, and then the server.
func captured(t *testing.T, up, down string) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(65536, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	next := [2]uint32{100, 200}
	send := func(from int, syn bool, text string) {
		hosts, ports := [2]net.IP{{192, 0, 2, 1}, {192, 0, 2, 2}}, [2]layers.TCPPort{40000, 8080}
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: hosts[from], DstIP: hosts[1-from]}
		tcp := &layers.TCP{SrcPort: ports[from], DstPort: ports[1-from], Seq: next[from], SYN: syn, Window: 1000}
		if tcp.ACK = !syn || from == 1; tcp.ACK {
			tcp.Ack = next[1-from]
		}
		if next[from] += uint32(len(text)); syn {
			next[from]++
		}
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, ip, tcp, gopacket.Payload(text)); err != nil {
			t.Fatal(err)
		}
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(1_790_000_000, 0), CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}
		if err := w.WritePacket(ci, b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	send(0, true, "")
	send(1, true, "")
	send(0, false, up)
	send(1, false, down)
	return file.Bytes()
}

func TestAuditCaptures(t *testing.T) {
	capture := recorded(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(capture)
	z.Close()
	dir := t.TempDir()
	for name, each := range map[string]struct {
		file   []byte
		stderr string
	}{
		"plain":   {capture, ""},
		"zipped":  {zipped.Bytes(), ""},
		"damaged": {append(bytes.Clone(capture), 1, 2, 3), fmt.Sprintf("damaged\" at offset %d: the file ends within a record", len(capture))},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, each.file, 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		if status := execute([]string{"audit", "--ascii", path}, &stdout, &stderr); status != exit.StatusFound {
			t.Errorf("%s: status %d, %s", name, status, &stderr)
		}
		for _, want := range []string{"x fail ws    POST    /chat", "192.0.2.2 8080\n", ": 1 connection was still open at the end of the capture\n", "\n RESULT fail=1 warn=0 unclear=0 pass=0 na=0 not-sent=0 accepted=0 new=1 fixed=0\n"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("%s: no %q in %s", name, want, &stdout)
			}
		}
		if each.stderr != "" && !strings.Contains(stderr.String(), each.stderr) {
			t.Errorf("%s: got %s", name, &stderr)
		}
	}
}

// TestAuditCases reads files that an earlier version took for another format.
func TestAuditCases(t *testing.T) {
	for name, each := range map[string]struct {
		status int
		says   string
	}{
		"minimal-72-bytes-isb.pcapng":      {exit.StatusUnknown, "nothing conclusive: 0 upgrade exchanges"},
		"sound-ends-with-isb.pcapng":       {exit.StatusClean, " RESULT fail=0 warn=0 unclear=0 pass=1 "},
		"v2.3.pcap":                        {exit.StatusFound, " RESULT fail=1 warn=0 unclear=0 pass=0 "},
		"mix-sound-plus-vxlan-unsafe.pcap": {exit.StatusFound, " RESULT fail=1 warn=0 unclear=0 pass=1 "},
		"snap96.pcap":                      {exit.StatusUnknown, "2 packets were captured with only 96 bytes: capture again with full packets (tcpdump -s 0)"},
		"playwright.har":                   {exit.StatusUnknown, "1 WebSocket connection is recorded without the headers of its handshake"},
	} {
		var out bytes.Buffer
		if status := execute([]string{"audit", "--ascii", "../../internal/capture/testdata/cases/" + name}, &out, &out); status != each.status || !strings.Contains(out.String(), each.says) {
			t.Errorf("%s: status %d, %s", name, status, &out)
		}
	}
}
