//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// secretServer accepts TLS and answers the first request on each connection with a 101, and each line after
// it with the same line.
func secretServer(t *testing.T) string {
	t.Helper()
	cert, key := selfSigned(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				lines := bufio.NewReader(conn)
				for line := "x"; line != "\r\n"; {
					if line, err = lines.ReadString('\n'); err != nil {
						return
					}
				}
				_, _ = io.WriteString(conn, switching)
				_, _ = io.Copy(conn, lines)
			}()
		}
	}()
	return l.Addr().String()
}

// audited are the rulings of a capture of TLS, and what audit says beside them.
func audited(t *testing.T, args ...string) (all []struct {
	Verdict, Outcome string
	Findings         []struct{ Rule, Verdict string }
	Stream           struct{ Connection struct{ ALPN, SNI string } }
	After            struct{ ClientBytes, ServerBytes int64 }
}, said string) {
	t.Helper()
	r := run(t, "interlock", append([]string{"audit", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(r.stdout), &all); err != nil {
		t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
	}
	return all, r.stderr
}

// TestKeyLogOfOpenSSL decrypts connections of OpenSSL: each suite of TLS 1.3, with key updates of both sides,
// and suites of TLS 1.2.
func TestKeyLogOfOpenSSL(t *testing.T) {
	t.Parallel()
	server := secretServer(t)
	for name, flags := range map[string][]string{
		"aes-128":         {"-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"},
		"aes-256":         {"-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"},
		"chacha":          {"-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"},
		"1.2 aes-256":     {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"},
		"1.2 chacha":      {"-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"},
		"1.2 other suite": {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"},
	} {
		t.Run(name, func(t *testing.T) {
			tap := tapPackets(t, server)
			keys := filepath.Join(t.TempDir(), "keys.log")
			client := startSession(t, program(t, "openssl", "openssl"), append([]string{"s_client", "-connect", tap.addr, "-servername", "chat.example", "-keylogfile", keys}, flags...)...)
			client.say(handshake)
			client.await("Upgrade: websocket")
			if flags[0] == "-tls1_3" {
				client.say("K\n") // a key update, and ask for one
				client.await("KEYUPDATE")
			}
			client.say("hello after\n")
			client.await("hello after\n")
			client.quit()
			all, said := audited(t, "--keylog", keys, tap.write())
			if name == "1.2 other suite" {
				if len(all) != 0 || !strings.Contains(said, "1 TLS connection was not decrypted: only AES-GCM and ChaCha20-Poly1305 are decrypted") {
					t.Errorf("%+v, %s", all, said)
				}
				return
			}
			if len(all) != 1 || all[0].Outcome != "switched" || all[0].After.ClientBytes != int64(len("hello after\n")) || all[0].After.ServerBytes != int64(len("hello after\n")) {
				t.Errorf("%+v, %s", all, said)
			}
		})
	}
}

// TestKeyLogOfEarlyData decrypts a request that was sent as early data in a resumed session, and refuses to
// without its secret.
func TestKeyLogOfEarlyData(t *testing.T) {
	t.Parallel()
	openssl := program(t, "openssl", "openssl")
	cert, key := selfSigned(t)
	dir := t.TempDir()
	port := freePort(t)
	server := startSession(t, openssl, "s_server", "-accept", "127.0.0.1:"+port, "-cert", cert, "-key", key, "-early_data", "-tls1_3")
	server.await("ACCEPT")
	tap := tapPackets(t, "127.0.0.1:"+port)
	keys, session := filepath.Join(dir, "keys.log"), filepath.Join(dir, "session")
	first := startSession(t, openssl, "s_client", "-connect", tap.addr, "-tls1_3", "-keylogfile", keys, "-sess_out", session)
	first.await("Early data was not sent")
	server.say("greeting\n")
	first.await("greeting")
	first.quit()
	early := file(t, "early", []byte(handshake))
	second := startSession(t, openssl, "s_client", "-connect", tap.addr, "-tls1_3", "-keylogfile", keys, "-sess_in", session, "-early_data", early)
	server.await("GET /chat HTTP/1.1")
	second.await("Early data was accepted")
	server.say(switching)
	second.await("Switching Protocols")
	second.quit()
	name := tap.write()
	all, said := audited(t, "--keylog", keys, name)
	if len(all) != 1 || all[0].Outcome != "switched" {
		t.Errorf("%+v, %s", all, said)
	}
	log, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	var without bytes.Buffer
	for line := range bytes.Lines(log) {
		if !bytes.HasPrefix(line, []byte("CLIENT_EARLY_TRAFFIC_SECRET")) {
			without.Write(line)
		}
	}
	if without.Len() == len(log) {
		t.Fatal("the log has no secret of early data")
	}
	if all, said = audited(t, "--keylog", file(t, "without.log", without.Bytes()), name); len(all) != 0 || !strings.Contains(said, "its early data (0-RTT) cannot be decrypted") {
		t.Errorf("%+v, %s", all, said)
	}
}

// TestKeyLogOfCurl decrypts what curl has asked for.
func TestKeyLogOfCurl(t *testing.T) {
	t.Parallel()
	tap := tapPackets(t, secretServer(t))
	keys := filepath.Join(t.TempDir(), "keys.log")
	r := run(t, "env", "SSLKEYLOGFILE="+keys, program(t, "curl", "curl"), "-sSk", "--max-time", "2", "--http1.1", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket",
		"-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "https://"+tap.addr+"/chat")
	if all, said := audited(t, "--keylog", keys, tap.write()); len(all) != 1 || all[0].Outcome != "switched" {
		t.Errorf("%+v, %s%s", all, said, r.stderr)
	}
}

// TestKeyLogOfChromium has Chromium open a WebSocket over HTTP/2 and TLS, and judges the capture of it.
func TestKeyLogOfChromium(t *testing.T) {
	t.Parallel()
	tap := tapPackets(t, nghttpx(t, labServer(t, "gorilla"), newTLSPair(t)))
	keys := filepath.Join(t.TempDir(), "keys.log")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program(t, "chromium", "chromium")), chromedp.NoSandbox,
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Env("HOME="+t.TempDir(), "SSLKEYLOGFILE="+keys))
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	allocator, end := chromedp.NewExecAllocator(ctx, options...)
	defer end()
	tab, leave := chromedp.NewContext(allocator)
	defer leave()
	_, port, err := net.SplitHostPort(tap.addr)
	if err != nil {
		t.Fatal(err)
	}
	page := fmt.Sprintf(`new Promise((done, failed) => {
		const ws = new WebSocket("wss://localhost:%s/chat")
		ws.onopen = () => ws.send("hello")
		ws.onmessage = e => { ws.close(1000); ws.onclose = c => done(e.data + c.code) }
		ws.onerror = () => failed("error")
	})`, port)
	if err := chromedp.Do(tab, chromedp.Navigate("https://localhost:"+port+"/api/items")); err != nil {
		t.Fatal(err)
	}
	said, err := chromedp.Run(tab, chromedp.Evaluate[string](page, chromedp.EvalAwaitPromise))
	if err != nil || said != "hello1000" {
		t.Fatalf("%q, %v", said, err)
	}
	if err := chromedp.Cancel(tab); err != nil {
		t.Error(err)
	}
	all, notes := audited(t, "--keylog", keys, tap.write())
	if len(all) != 1 || all[0].Outcome != "switched" || all[0].Verdict != "pass" || all[0].Stream.Connection.ALPN != "h2" || all[0].Stream.Connection.SNI != "localhost" {
		t.Errorf("%+v, %s", all, notes)
	}
}

// freePort returns a port of loopback that is free.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// A dialogue is a program under way, with which a test talks.
type dialogue struct {
	t    *testing.T
	in   io.WriteCloser
	said chan string
	all  strings.Builder
	stop func()
}

// startSession starts a program, which is killed when the test ends.
func startSession(t *testing.T, name string, args ...string) *dialogue {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, name, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &dialogue{t: t, in: in, said: make(chan string)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 4<<10)
		for {
			n, err := out.Read(b)
			select {
			case d.said <- string(b[:n]):
			case <-ctx.Done():
			}
			if err != nil {
				close(d.said)
				return
			}
		}
	}()
	d.stop = func() {
		cancel()
		<-ended
		_ = cmd.Wait()
	}
	t.Cleanup(d.stop)
	return d
}

// say writes to the program.
func (d *dialogue) say(text string) {
	d.t.Helper()
	if _, err := io.WriteString(d.in, text); err != nil {
		d.t.Fatal(err)
	}
}

// await waits until the program has said a text, after what was awaited before.
func (d *dialogue) await(text string) {
	d.t.Helper()
	for !strings.Contains(d.all.String(), text) {
		more, ok := <-d.said
		if !ok {
			d.t.Fatalf("no %q in %s", text, d.all.String())
		}
		d.all.WriteString(more)
	}
	_, rest, _ := strings.Cut(d.all.String(), text)
	d.all.Reset()
	d.all.WriteString(rest)
}

// quit ends a client of OpenSSL in good order.
func (d *dialogue) quit() {
	d.t.Helper()
	d.say("Q\n")
	for range d.said { // until it has ended
	}
	d.stop()
}
