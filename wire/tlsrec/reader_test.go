package tlsrec

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// record writes a record of TLS 1.2.
func record(t Type, content string) string {
	return string([]byte{firstType + byte(t), 3, 3, byte(len(content) >> 8), byte(len(content))}) + content
}

// hello is a ClientHello with SNI, ALPN and versions.
const hello = "\x01\x00\x00\x00\x03\x03" + "01234567890123456789012345678901" + "\x00" + "\x00\x02\x13\x01" + "\x01\x00" + "\x00\x35" +
	"\x00\x00\x00\x09\x00\x07\x00\x00\x04a.te" + "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1" + "\x00\x2b\x00\x07\x06\x1a\x1a\x03\x04\x03\x03" + "\x00\x17\x00\x00" + "\x00\x0b\x00\x00"

// answered is a ServerHello of TLS 1.3.
const answered = "\x02\x00\x00\x00\x03\x03" + "01234567890123456789012345678901" + "\x00" + "\x13\x01" + "\x00" + "\x00\x06" + "\x00\x2b\x00\x02\x03\x04"

func read(from Side, text string) Sent {
	r := NewReader(0)
	r.Feed(from, []byte(text), 3*time.Second)
	return r.Facts().Sides[from]
}

func TestHellosAndAlerts(t *testing.T) {
	s := read(Client, record(Handshake, hello)+record(AlertRecord, "\x02\x30"))
	want := &Hello{Versions: []Version{0x0304, 0x0303}, ServerName: "a.te", ALPN: []string{"h2", "http/1.1"}}
	if !reflect.DeepEqual(s.Hello, want) || !reflect.DeepEqual(s.Versions, []Version{0x0303}) {
		t.Errorf("%+v, versions %v", s.Hello, s.Versions)
	}
	if a := s.Alert; a == nil || *a != (Alert{Fatal: true, Description: 48, Last: true, Count: 1, At: 3 * time.Second}) || a.Description.String() != "unknown_ca" {
		t.Errorf("%+v", a)
	}
	s = read(Server, record(Handshake, answered)+record(CipherSpec, "\x01")+record(AlertRecord, strings.Repeat("x", 26)))
	if s.Fault != nil || !reflect.DeepEqual(s.Hello, &Hello{Versions: []Version{0x0304}, Cipher: 0x1301}) || s.Alert == nil || !s.Alert.Sealed {
		t.Errorf("%+v, %+v, %+v", s, s.Hello, s.Alert)
	}
	if s = read(Server, record(AlertRecord, "\x02\x28")); s.Fault != nil || s.Alert == nil || s.Alert.Description.String() != "handshake_failure" {
		t.Errorf("an alert in place of a hello: %+v", s)
	}
}

func TestFaults(t *testing.T) {
	sound := record(Handshake, hello) + record(CipherSpec, "\x01")
	for name, test := range map[string]struct {
		from  Side
		bytes string
		kind  FaultKind
		at    int64 // -1: it is sound
	}{
		"sound":                      {Client, sound + record(Application, "") + record(Application, strings.Repeat("x", maxContent)), 0, -1},
		"a hello of the server":      {Client, record(Handshake, answered), FaultFirst, 0},
		"a hello of the client":      {Server, record(Handshake, hello), FaultFirst, 0},
		"data first":                 {Client, record(Application, "x"), FaultFirst, 0},
		"an alert of a client first": {Client, record(AlertRecord, "\x02\x28"), FaultFirst, 0},
		"a long record":              {Client, sound + "\x17\x03\x03\x48\x01", FaultLength, int64(len(sound))},
		"an empty alert":             {Client, sound + "\x15\x03\x03\x00\x00", FaultLength, int64(len(sound))},
		"another type":               {Client, sound + "\x19\x03\x03\x00\x01x", FaultRecord, int64(len(sound))},
		"another version":            {Client, sound + "\x17\x03\x05\x00\x01x", FaultRecord, int64(len(sound))},
		"a request":                  {Client, sound + "GET / HTTP/1.1\r\n", FaultRecord, int64(len(sound))},
		"an error page":              {Server, "HTTP/1.1 400 Bad Request\r\n", FaultRecord, 0},
	} {
		s := read(test.from, test.bytes)
		f := s.Fault
		if (f != nil) != (test.at >= 0) || s.Lost != (f != nil) || f != nil && (f.Kind != test.kind || f.Offset != test.at || s.Read != test.at) {
			t.Errorf("%s: got %+v of %+v, want %v at %d", name, f, s, test.kind, test.at)
		}
		if http := name == "an error page" || name == "a request"; s.HTTP != http {
			t.Errorf("%s: HTTP %v", name, s.HTTP)
		}
	}
}

// TestAllocation checks that a reader at rest is small, and that records take no memory.
func TestAllocation(t *testing.T) {
	if size := unsafe.Sizeof(Reader{}); size > 256 {
		t.Errorf("a reader takes %d bytes", size)
	}
	r := NewReader(0)
	r.Feed(Client, []byte(record(Handshake, hello)), 0)
	more := []byte(record(Application, strings.Repeat("x", 50)) + record(CipherSpec, "\x01"))
	if n := testing.AllocsPerRun(1000, func() { r.Feed(Client, more, 0) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	r.Feed(Client, []byte("\x17\x03\x03\x40\x00"), 0)
	if got := r.Skippable(Client); got != 1<<14 {
		t.Errorf("skippable: %d", got)
	}
	r.Feed(Server, []byte("\x16\x03\x03\x48\x00"), 0)
	for range maxContent {
		r.Feed(Server, []byte{2}, 0)
		if n := cap(r.sides[Server].content); n > 2*MaxHello {
			t.Fatalf("%d bytes are kept", n)
		}
	}
	r.Stop(Client)
	if r.Reads(Client) || r.Skippable(Client) != math.MaxInt64 {
		t.Error("a side of which bytes are missing is read")
	}
}

// FuzzSplit checks that any way to cut the bytes, and to skip those that may be skipped, gives the same
// facts, and that these can be written and read again.
func FuzzSplit(f *testing.F) {
	client, server := record(Handshake, hello), record(Handshake, answered)
	for i, text := range []string{
		client + "|" + server + record(CipherSpec, "\x01") + record(Application, strings.Repeat("y", 90)) + "|" + record(CipherSpec, "\x01") + record(Application, "abc"),
		client + "|" + record(AlertRecord, "\x02\x28"), server + "|" + client, client + "GET / HTTP/1.1\r\n|HTTP/1.1 400 No\r\n", record(Handshake, hello[:60]) + record(Handshake, hello[60:]),
		client + record(AlertRecord, "\x01\x00") + record(AlertRecord, "xxxxxxxxxxx") + "\x17\x03\x03\x40", "\x16\x03\x01\x00\x02ab", strings.Replace(client, "a.te", "a\xff\\\x00", 1),
	} {
		f.Add([]byte(text), uint64(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		whole, cut := NewReader(0), NewReader(0)
		random := rand.New(rand.NewPCG(seed, 1))
		for i, turn := range bytes.Split(text, []byte("|")) {
			from, at := Side(i%2), time.Duration(i)*time.Second
			whole.Feed(from, turn, at)
			for len(turn) > 0 {
				if n := min(cut.Skippable(from), int64(len(turn))); n > 0 && random.IntN(2) == 0 {
					n = 1 + random.Int64N(n)
					cut.Skip(from, n, at)
					turn = turn[n:]
					continue
				}
				n := 1 + random.IntN(min(len(turn), 12))
				cut.Feed(from, turn[:n], at)
				turn = turn[n:]
			}
		}
		want, got := whole.Facts(), cut.Facts()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		written, err := json.Marshal(want)
		var again Facts
		if err == nil {
			err = json.Unmarshal(written, &again)
		}
		if text, _ := json.Marshal(&again); err != nil || string(text) != string(written) {
			t.Fatalf("%v: %s\nhas become %s", err, written, text)
		}
	})
}

// A tap feeds a reader what one side of a pipe writes.
type tap struct {
	net.Conn
	from Side
	feed func(Side, []byte)
}

func (t *tap) Write(p []byte) (int, error) {
	t.feed(t.from, p)
	return t.Conn.Write(p)
}

// TestRecordsOfTheLibrary reads what crypto/tls writes in handshakes of each version.
func TestRecordsOfTheLibrary(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r := NewReader(0)
		heard := make(chan func(), 100)
		feed := func(from Side, p []byte) {
			copied := bytes.Clone(p)
			heard <- func() { r.Feed(from, copied, 0) }
		}
		a, b := net.Pipe()
		deadline := time.Now().Add(10 * time.Second)
		a.SetDeadline(deadline)
		b.SetDeadline(deadline)
		server := tls.Server(&tap{b, Server, feed}, &tls.Config{NextProtos: []string{"http/1.1"}}) // which has no certificate
		go func() {
			server.Handshake()
			b.Close()
		}()
		client := tls.Client(&tap{a, Client, feed}, &tls.Config{ServerName: "staging.test", NextProtos: []string{"h2", "http/1.1"}, MinVersion: version, MaxVersion: version})
		if err := client.Handshake(); err == nil {
			t.Fatal("a server without a certificate was accepted")
		}
		io.Copy(io.Discard, a)
		a.Close()
		for len(heard) > 0 {
			(<-heard)()
		}
		f := r.Facts()
		h, alert := f.Sides[Client].Hello, f.Sides[Server].Alert
		switch {
		case h == nil || h.ServerName != "staging.test" || !reflect.DeepEqual(h.ALPN, []string{"h2", "http/1.1"}) || !reflect.DeepEqual(h.Versions, []Version{Version(version)}):
			t.Errorf("%v: %+v", Version(version), h)
		case alert == nil || alert.Sealed || !alert.Fatal || f.Sides[Client].Fault != nil || f.Sides[Server].Fault != nil:
			t.Errorf("%v: alert %+v", Version(version), alert)
		}
	}
}
