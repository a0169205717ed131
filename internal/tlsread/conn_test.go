package tlsread

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A wiretap records what goes through a connection, in the order in which it does.
type wiretap struct {
	sync.Mutex
	pieces []piece
}

type piece struct {
	from  Side
	bytes []byte
}

func (w *wiretap) add(from Side, b []byte) {
	w.Lock()
	defer w.Unlock()
	w.pieces = append(w.pieces, piece{from, bytes.Clone(b)})
}

// A tapped is the client's end of a connection. What is written goes on the record before it goes on, so
// that nothing is recorded after what answers it.
type tapped struct {
	net.Conn
	tap  *wiretap
	from Side
}

func (c *tapped) Write(p []byte) (int, error) {
	c.tap.add(c.from, p)
	return c.Conn.Write(p)
}

// certificates are one for ECDSA and one for RSA.
var certificates = sync.OnceValue(func() (all []tls.Certificate) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"chat.test"}, NotAfter: time.Now().Add(time.Hour)}
	for _, each := range []struct{ public, private any }{{&ec.PublicKey, ec}, {&rs.PublicKey, rs}} {
		der, err := x509.CreateCertificate(rand.Reader, template, template, each.public, each.private)
		if err != nil {
			panic(err)
		}
		all = append(all, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: each.private})
	}
	return all
})

// A talk is what one side says after what the other side said before.
type talk struct {
	from Side
	text string
}

// record has two peers talk, and returns what went over the wire and the key log.
func record(t *testing.T, client, server *tls.Config, talks ...talk) (*wiretap, string) {
	t.Helper()
	near, far := pipe(t)
	tap, log := new(wiretap), new(bytes.Buffer)
	client, server = client.Clone(), server.Clone()
	client.KeyLogWriter, client.InsecureSkipVerify = log, true
	if server.Certificates == nil {
		server.Certificates = certificates()
	}
	c, s := tls.Client(&tapped{near, tap, Client}, client), tls.Server(&tapped{far, tap, Server}, server)
	defer near.Close()
	defer far.Close()
	deadline := time.Now().Add(time.Minute)
	_, _ = near.SetDeadline(deadline), far.SetDeadline(deadline)
	ended := make(chan error, 1)
	go func() { ended <- play(s, Server, talks) }()
	if err := play(c, Client, talks); err != nil {
		t.Fatalf("client: %v", err)
	}
	if err := <-ended; err != nil {
		t.Fatalf("server: %v", err)
	}
	return tap, log.String()
}

// pipe is a connection whose ends buffer what they send.
func pipe(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// play says what one side says, and reads what the other says.
func play(conn *tls.Conn, side Side, talks []talk) error {
	if err := conn.Handshake(); err != nil {
		return err
	}
	for _, each := range talks {
		if each.from == side {
			if _, err := io.WriteString(conn, each.text); err != nil {
				return err
			}
			continue
		}
		got := make([]byte, len(each.text))
		if _, err := io.ReadFull(conn, got); err != nil {
			return err
		}
	}
	return nil
}

// decrypted is what a Conn hands over, with all pieces cut to a size.
func decrypted(t testing.TB, pieces []piece, log *KeyLog, size int) (all []talk, c *Conn) {
	t.Helper()
	c = NewConn(log, func(from Side, plain []byte) {
		if n := len(all); n > 0 && all[n-1].from == from {
			all[n-1].text += string(plain)
			return
		}
		all = append(all, talk{from, string(plain)})
	})
	for _, p := range pieces {
		for part := range slices.Chunk(p.bytes, size) {
			c.Feed(p.from, part)
		}
	}
	return all, c
}

func keyLog(t testing.TB, text string) *KeyLog {
	t.Helper()
	k := new(KeyLog)
	if err := k.Read(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return k
}

// some is a conversation of both sides, with more than fits into a record.
func some() []talk {
	return []talk{{Client, "GET / HTTP/1.1\r\n\r\n"}, {Server, "HTTP/1.1 200 OK\r\n\r\n"}, {Client, strings.Repeat("up ", 20_000)}, {Server, strings.Repeat("down ", 20_000)}, {Client, "end"}}
}

// TestSuites decrypts a connection of each suite of crypto/tls, in pieces of several sizes. Of TLS 1.3, it
// chooses the suite itself; the tests with OpenSSL have them all.
func TestSuites(t *testing.T) {
	read := 0
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, version := range s.SupportedVersions {
			if version < tls.VersionTLS12 {
				continue
			}
			t.Run(fmt.Sprintf("%s %s", tls.VersionName(version), s.Name), func(t *testing.T) {
				config := &tls.Config{MinVersion: version, MaxVersion: version, CipherSuites: []uint16{s.ID}, ServerName: "chat.test", NextProtos: []string{"h2", "http/1.1"}}
				tap, log := record(t, config, &tls.Config{NextProtos: []string{"http/1.1"}, CipherSuites: []uint16{s.ID}}, some()...)
				for _, size := range []int{1, 7, 1 << 20} {
					got, c := decrypted(t, tap.pieces, keyLog(t, log), size)
					if _, known := suiteOf(s.ID, version == tls.VersionTLS13); !known && version == tls.VersionTLS12 {
						if c.Reason() != OtherSuite || len(got) > 0 {
							t.Errorf("%v, %d pieces", c.Reason(), len(got))
						}
						continue
					}
					if c.Reason() != NoReason || !slices.Equal(got, some()) || c.ServerName() != "chat.test" || c.ALPN() != "http/1.1" {
						t.Errorf("%d bytes each: %v, %d pieces of %d, %q, %q", size, c.Reason(), len(got), len(some()), c.ServerName(), c.ALPN())
					}
					read++
				}
			})
		}
	}
	if read < 3*9 {
		t.Errorf("only %d", read)
	}
}

// TestResumption decrypts connections that resume a session, of which the key log of TLS 1.2 says nothing.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := &tls.Config{MinVersion: version, MaxVersion: version, ServerName: "chat.test", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		server := &tls.Config{}
		server.SetSessionTicketKeys([][32]byte{{1}})
		first, log1 := record(t, client, server, some()...)
		second, log2 := record(t, client, server, some()...)
		secrets := keyLog(t, log1+log2)
		for i, tap := range []*wiretap{first, second} {
			if got, c := decrypted(t, tap.pieces, secrets, 1<<20); c.Reason() != NoReason || !slices.Equal(got, some()) {
				t.Errorf("%s, connection %d: %v, %d pieces", tls.VersionName(version), i+1, c.Reason(), len(got))
			}
		}
		if version == tls.VersionTLS12 && strings.Contains(log2, "CLIENT_RANDOM") {
			t.Error("the key log has the resumed session: nothing was tested")
		}
	}
}

// TestHelloRetryRequest decrypts a connection whose server has asked for another hello.
func TestHelloRetryRequest(t *testing.T) {
	tap, log := record(t, &tls.Config{MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP384}},
		&tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}}, some()...)
	hellos := 0
	for _, p := range tap.pieces {
		if p.from == Client && p.bytes[0] == typeHandshake {
			hellos++
		}
	}
	if got, c := decrypted(t, tap.pieces, keyLog(t, log), 1<<20); c.Reason() != NoReason || !slices.Equal(got, some()) || hellos != 2 {
		t.Errorf("%v, %d pieces, %d hellos", c.Reason(), len(got), hellos)
	}
}

// TestMissingSecrets leaves secrets out. With those of the handshake left out, the traffic is read.
func TestMissingSecrets(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		tap, log := record(t, &tls.Config{MinVersion: version, MaxVersion: version}, &tls.Config{}, some()...)
		_, foreign := record(t, &tls.Config{}, &tls.Config{}, some()...)
		without := func(labels ...string) string {
			var kept strings.Builder
			for line := range strings.Lines(log) {
				if label, _, _ := strings.Cut(line, " "); !slices.Contains(labels, label) {
					kept.WriteString(line)
				}
			}
			return kept.String() + foreign
		}
		for name, each := range map[string]struct {
			log  string
			want Reason
			all  bool
		}{
			"all":                  {without(), NoReason, true},
			"none":                 {foreign, NoSecrets, false},
			"wrong":                {mangled(log) + foreign, WrongSecrets, false},
			"no handshake secrets": {without("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"), NoReason, true},
			"no traffic secrets":   {without("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "CLIENT_RANDOM"), map[uint16]Reason{tls.VersionTLS12: NoSecrets, tls.VersionTLS13: WrongSecrets}[version], false},
		} {
			got, c := decrypted(t, tap.pieces, keyLog(t, each.log), 1<<20)
			if c.Reason() != each.want || slices.Equal(got, some()) != each.all {
				t.Errorf("%s, %s: %v, %d pieces", tls.VersionName(version), name, c.Reason(), len(got))
			}
		}
	}
}

// mangled is a key log with other secrets.
func mangled(log string) string {
	var all strings.Builder
	for line := range strings.Lines(log) {
		words := strings.Fields(line)
		fmt.Fprintln(&all, words[0], words[1], strings.Repeat("0", len(words[2])))
	}
	return all.String()
}

// TestRecordsThatAreChanged changes each record of a connection in turn: nothing is handed over that was
// not sent, and the rest is given up.
func TestRecordsThatAreChanged(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		tap, log := record(t, &tls.Config{MinVersion: version, MaxVersion: version}, &tls.Config{}, talk{Client, "question"}, talk{Server, "answer"}, talk{Client, "end"})
		for i, p := range tap.pieces {
			pieces := slices.Clone(tap.pieces)
			b := bytes.Clone(p.bytes)
			b[len(b)-1] ^= 1
			pieces[i] = piece{p.from, b}
			got, _ := decrypted(t, pieces, keyLog(t, log), 1<<20)
			for _, each := range got {
				if each.text != "question" && each.text != "answer" && each.text != "end" {
					t.Errorf("%s, piece %d: %q", tls.VersionName(version), i, each.text)
				}
			}
		}
	}
}

// FuzzConn feeds anything, after a sound beginning of any length.
func FuzzConn(f *testing.F) {
	secrets, log := make([][]piece, 0, 2), ""
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t := new(testing.T)
		tap, lines := record(t, &tls.Config{MinVersion: version, MaxVersion: version}, &tls.Config{}, talk{Client, "question"}, talk{Server, "answer"})
		secrets, log = append(secrets, tap.pieces), log+lines
		f.Add(uint8(version), uint8(3), true, []byte("\x17\x03\x03\x00\x04abcd"))
	}
	f.Add(uint8(0), uint8(0), false, []byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"))
	f.Fuzz(func(t *testing.T, which, sound uint8, client bool, junk []byte) {
		pieces := secrets[which&1]
		pieces = slices.Clone(pieces[:min(int(sound), len(pieces))])
		from := Server
		if client {
			from = Client
		}
		for part := range slices.Chunk(junk, 1+int(sound)) {
			pieces = append(pieces, piece{from, part})
		}
		got, c := decrypted(t, pieces, keyLog(t, log), 1<<20)
		for _, each := range got {
			if each.text != "question" && each.text != "answer" {
				t.Errorf("%q", each.text)
			}
		}
		if held := c.Held(); held > 2*(maxContent+headSize)+2*2*maxMessage+maxEarly+1<<16 {
			t.Errorf("%d bytes are held", held)
		}
	})
}
