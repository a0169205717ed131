package capture

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/interlock-proxy/interlock/wire"
)

var (
	size = flag.Int64("size", 50<<20, "bytes of the capture in TestLargeCaptures")
	keep = flag.String("keep", "", "file to keep that capture in")
)

// load writes a capture of about that size: thousands of connections at the same time, of every
// kind, out of order here and there, with segments sent twice or missing, and ports that are used
// again.
func load(w io.Writer, size int64) error {
	const slots = 4000
	random := rand.New(rand.NewPCG(7, 7))
	file := pcapgo.NewWriter(w)
	if err := file.WriteFileHeader(1<<18, ethernet.link); err != nil {
		return err
	}
	sessions := make([][]segment, slots)
	opened := make([]int, slots)
	now := time.Unix(1_790_000_000, 0)
	for written := int64(0); written < size; {
		i := random.IntN(slots)
		if len(sessions[i]) == 0 {
			sessions[i] = connectionOf(random)
			opened[i]++
		}
		for range min(1+random.IntN(8), len(sessions[i])) {
			g := sessions[i][0]
			sessions[i] = sessions[i][1:]
			n := ethernet
			n.client = uint16(1024 + i + slots*(opened[i]%4))
			b := n.packet(g)
			now = now.Add(20 * time.Microsecond)
			if err := file.WritePacket(gopacket.CaptureInfo{Timestamp: now, CaptureLength: len(b), Length: len(b)}, b); err != nil {
				return err
			}
			written += int64(len(b)) + 16
		}
	}
	return nil
}

// filler is what bodies are cut from.
var filler = bytes.Repeat([]byte("0123456789abcdef"), 4096)

// connectionOf returns all segments of a connection of some kind.
func connectionOf(random *rand.Rand) []segment {
	s := start(random.Uint32())
	content := filler[:random.IntN(len(filler))]
	switch random.IntN(5) {
	case 0:
		s.send(0, []byte(handshake), 1400)
		s.send(1, []byte(accepted), 1400)
		for range 10 {
			s.send(0, append([]byte{0x82, 0xfe, 0, 200, 1, 2, 3, 4}, content[:min(200, len(content))]...), 1400)
			s.send(1, append([]byte{0x82, 126, 1, 0}, content[:min(256, len(content))]...), 1400)
		}
	case 1:
		s.send(0, []byte(strings.Replace(handshake, "GET", "POST", 1)), 1400)
		s.send(1, []byte(accepted), 1400)
		s.send(1, content, 1400)
	case 2:
		for range 3 {
			s.send(0, []byte("GET /items HTTP/1.1\r\nHost: a\r\n\r\n"), 1400)
			s.send(1, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(content)), 1400)
			s.send(1, content, 1400)
		}
	case 3:
		s.send(0, fmt.Appendf(nil, "POST /items HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", len(content)), 1400)
		s.send(0, content, 1400)
		s.send(1, []byte(page), 1400)
	default:
		s.send(0, []byte("\x16\x03\x01\x02\x00\x01"), 1400)
		s.send(1, []byte("\x16\x03\x03\x00\x7a\x02"), 1400)
		s.send(0, content, 1400)
		s.send(1, content, 1400)
	}
	if random.IntN(3) == 0 {
		s.add(segment{from: random.IntN(2), rst: true})
	} else {
		first := random.IntN(2)
		s.add(segment{from: first, fin: true})
		s.add(segment{from: 1 - first, fin: true})
		s.add(segment{from: first})
	}
	all := s.segments
	switch random.IntN(10) {
	case 0:
		i := 3 + random.IntN(len(all)-4)
		all = append(all[:i], all[i+1:]...)
	case 1:
		i := 3 + random.IntN(len(all)-5)
		all[i], all[i+1] = all[i+1], all[i]
	}
	return all
}

// TestLargeCaptures reads a capture that is larger than what may be in memory. By hand:
//
//	go test ./internal/capture -run TestLargeCaptures -v -size 1073741824 -keep /tmp/large.pcap
func TestLargeCaptures(t *testing.T) {
	from, to := io.Pipe()
	written := make(chan error, 1) // the error of the one writer
	go func() {
		var w io.Writer = to
		if *keep != "" {
			file, err := os.Create(*keep)
			if err != nil {
				to.CloseWithError(err)
				written <- err
				return
			}
			defer file.Close()
			w = io.MultiWriter(to, file)
		}
		b := bufio.NewWriterSize(w, 1<<20)
		err := load(b, *size)
		if err == nil {
			err = b.Flush()
		}
		to.CloseWithError(err)
		written <- err
	}()
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse)
	}
	before, highest := inUse(), int64(0) // other tests of the package may wait with captures in hand
	found, unsafe := 0, 0
	r := Reader{Observe: func(x *wire.Exchange) {
		if found++; x.Request.Method == "POST" && x.Outcome == wire.Switched {
			unsafe++
		}
		if found%500 == 0 {
			highest = max(highest, inUse()-before)
		}
	}}
	report, err := r.Read(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	t.Logf("heap %d MiB more at most, %d switched on POST, %+v", highest>>20, unsafe, report)
	if report.Lost == 0 || report.TLS == 0 || unsafe < found/4 || report.Connections < 4000 || report.Midway > 0 || report.Opaque != report.TLS {
		t.Errorf("got %d, %d unsafe, %+v", found, unsafe, report)
	}
	if bound := int64(160 << 20); highest > bound {
		t.Errorf("the heap grew by %d bytes", highest)
	}
}
