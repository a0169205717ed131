package capture

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/tlsread"
	"github.com/interlock-proxy/interlock/wire"
)

// A tap records what one end of a connection sends.
type tap struct {
	net.Conn
	from   wire.Direction
	chunks *[]wire.Chunk
	mu     *sync.Mutex
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	*c.chunks = append(*c.chunks, wire.Chunk{From: c.from, Bytes: bytes.Clone(p)})
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// overTLS has two peers say what is in a transcript over TLS, and returns what went over the wire and the key
// log.
func overTLS(t testing.TB, transcript *wire.Transcript, client *tls.Config) (wired *wire.Transcript, log string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	_, _ = near.SetDeadline(time.Now().Add(time.Minute)), far.SetDeadline(time.Now().Add(time.Minute))
	wired = new(wire.Transcript)
	var mu sync.Mutex
	var secrets bytes.Buffer
	client = client.Clone()
	client.KeyLogWriter, client.InsecureSkipVerify = &secrets, true
	conns := [2]*tls.Conn{
		tls.Client(&tap{near, wire.FromClient, &wired.Chunks, &mu}, client),
		tls.Server(&tap{far, wire.FromServer, &wired.Chunks, &mu}, &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: client.NextProtos}),
	}
	ends := make(chan error, 2)
	for d := range conns {
		go func() { ends <- say(conns[d], wire.Direction(d), transcript) }()
	}
	for range conns {
		if err := <-ends; err != nil {
			t.Fatal(err)
		}
	}
	return wired, secrets.String()
}

// say says what one side of a transcript says, and hears the other.
func say(conn *tls.Conn, side wire.Direction, transcript *wire.Transcript) error {
	if err := conn.Handshake(); err != nil {
		return err
	}
	for _, c := range transcript.Chunks {
		if c.From == side {
			if _, err := conn.Write(c.Bytes); err != nil {
				return err
			}
		} else if _, err := io.ReadFull(conn, make([]byte, len(c.Bytes))); err != nil {
			return err
		}
	}
	return nil
}

// secretsOf are the secrets of a key log.
func secretsOf(t testing.TB, log string) *tlsread.KeyLog {
	t.Helper()
	k := new(tlsread.KeyLog)
	if err := k.Read(strings.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	return k
}

// readWith reads a file that must be sound, with secrets.
func readWith(t testing.TB, file []byte, secrets *tlsread.KeyLog) (found []*wire.Exchange, report Report) {
	t.Helper()
	r := Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }, Secrets: secrets}
	report, err := r.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return found, report
}

// TestTLSIsDecrypted records transcripts of both versions of HTTP over both versions of TLS, and wants the
// exchanges that they have in the clear.
func TestTLSIsDecrypted(t *testing.T) {
	plain := transcripts(t)["TUTORIAL/426-then-upgrade.wire"]
	plain.Meta = nil
	tunnel := overHTTP2(t)["UPGRADE-H2-NOT-A-TUNNEL/tunnel.wire"]
	for _, each := range []struct {
		name       string
		transcript *wire.Transcript
	}{{"http/1.1", plain}, {"h2", tunnel}, {"h2", settingsFirst(tunnel)}} {
		name, transcript := each.name, each.transcript
		want := same(transcript.Exchanges(wire.Common{}), true)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			wired, log := overTLS(t, transcript, &tls.Config{MinVersion: version, MaxVersion: version, NextProtos: []string{name}, ServerName: "chat.test"})
			wired.End = transcript.End
			for _, most := range []int{1 << 15, 61} {
				file := ethernet.pcap(t, play(wired, 5, most).segments)
				found, report := readWith(t, file, secretsOf(t, log))
				for _, x := range found {
					if !x.ClientTLS || !x.BackendTLS || x.NoSNI {
						t.Errorf("%+v", x)
					}
					x.ClientTLS, x.BackendTLS = false, false
					if x.Stream != nil && x.Stream.Connection != nil {
						on := *x.Stream.Connection
						if on.ALPN != "h2" || on.SNI != "chat.test" {
							t.Errorf("%+v", on)
						}
						on.ALPN, on.SNI, x.Stream.Connection = "", "", &on
					}
				}
				if got := same(found, true); got != want || report.Opaque+report.TLS > 0 {
					t.Fatalf("%s, %s, %d bytes each: got %s, want %s; %+v", name, tls.VersionName(version), most, got, want, report)
				}
			}
		}
	}
}

// settingsFirst returns a transcript of HTTP/2 in which the server does not wait for the client's preface.
func settingsFirst(t *wire.Transcript) *wire.Transcript {
	first := *t
	i := slices.IndexFunc(t.Chunks, func(c wire.Chunk) bool { return c.From == wire.FromServer })
	first.Chunks = slices.Concat(t.Chunks[i:i+1], t.Chunks[:i], t.Chunks[i+1:])
	return &first
}

// TestTLSThatIsNotDecrypted reads captures of which the secrets, the beginning or packets are missing: the
// notes say so.
func TestTLSThatIsNotDecrypted(t *testing.T) {
	transcript := transcripts(t)["TUTORIAL/426-then-upgrade.wire"]
	wired, log := overTLS(t, transcript, &tls.Config{ServerName: "chat.test"})
	_, foreign := overTLS(t, transcript, &tls.Config{})
	all := play(wired, 5, 1<<15).segments
	data := slices.IndexFunc(all, func(g segment) bool {
		return g.from == 1 && len(g.payload) > 0 && g.payload[0] == 0x17 && len(g.payload) < 500
	})
	for name, each := range map[string]struct {
		segments []segment
		secrets  string
		want     string
		found    bool
	}{
		"no key log":    {all, "", "1 connection is not HTTP/1 or cannot be read on, 1 of them is TLS, which --keylog decrypts", false},
		"other secrets": {all, foreign, "1 connection is not HTTP/1 or cannot be read on, 1 of them is TLS, 1 TLS connection was not decrypted: the key log has no secrets for it", false},
		"midway":        {all[5:], log, "1 connection had begun before the capture, 1 of them shows no request, 1 of these is TLS, which can be decrypted only from the beginning of the connection", false},
		"a lost packet": {slices.Delete(slices.Clone(all), data, data+1), log, "1 connection has segments missing", false},
	} {
		var secrets *tlsread.KeyLog
		if each.secrets != "" {
			secrets = secretsOf(t, each.secrets)
		}
		found, report := readWith(t, ethernet.pcap(t, each.segments), secrets)
		if got := strings.Join(report.Notes(), ", "); got != each.want {
			t.Errorf("%s: got %q", name, got)
		}
		for _, x := range found {
			if x.Response != nil && x.Outcome != wire.Opaque {
				t.Errorf("%s: %s", name, heads(x))
			}
		}
	}
}

// TestSecretsInPcapNG reads a capture that has its secrets in blocks of its own, in both byte orders.
func TestSecretsInPcapNG(t *testing.T) {
	transcript := transcripts(t)["TUTORIAL/426-then-upgrade.wire"]
	wired, log := overTLS(t, transcript, &tls.Config{ServerName: "chat.test"})
	file := ethernet.pcapng(t, play(wired, 5, 1<<15).segments)
	const section = 28
	begin := int(binary.LittleEndian.Uint32(file[4:]))
	if begin < section {
		t.Fatal(begin)
	}
	secrets := []byte(log)
	for len(secrets)%4 != 0 {
		secrets = append(secrets, 0)
	}
	length := uint32(20 + len(secrets))
	block := binary.LittleEndian.AppendUint32(nil, blockSecrets)
	block = binary.LittleEndian.AppendUint32(block, length)
	block = binary.LittleEndian.AppendUint32(block, secretsOfTLS)
	block = binary.LittleEndian.AppendUint32(block, uint32(len(log)))
	block = binary.LittleEndian.AppendUint32(append(block, secrets...), length)
	found, report := read(t, slices.Concat(file[:begin], block, file[begin:]))
	if len(found) != 2 || !found[0].ClientTLS || found[1].Outcome != wire.Switched {
		t.Errorf("%d exchanges, %+v", len(found), report)
	}
	if found, _ := read(t, file); len(found) != 0 {
		t.Errorf("%d exchanges without the secrets", len(found))
	}
}

// TestSecretsInCutFiles writes a file with secrets in pieces, and cut anywhere.
func TestSecretsInCutFiles(t *testing.T) {
	line := fmt.Sprintf("CLIENT_RANDOM %s %s\n", strings.Repeat("ab", 32), strings.Repeat("cd", 48))
	for len(line)%4 != 0 {
		line += "\n"
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		file := order.AppendUint32(nil, blockSection)
		for _, word := range []uint32{28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28, 5, 16, 0, 16, blockSecrets, uint32(20 + len(line)), secretsOfTLS, uint32(len(line))} {
			file = order.AppendUint32(file, word)
		}
		file = order.AppendUint32(append(file, line...), uint32(20+len(line)))
		for n := range len(file) + 1 {
			for _, size := range []int{1, 5, 1 << 10} {
				var log tlsread.KeyLog
				s := &secretsIn{log: &log}
				for part := range slices.Chunk(file[:n], size) {
					_, _ = s.Write(part)
				}
				if log.Empty() != (n < len(file)) {
					t.Fatalf("%d of %d bytes, %d at a time: empty %v", n, len(file), size, log.Empty())
				}
			}
		}
	}
}
