package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A taped is a connection that keeps what is read and written.
type taped struct {
	net.Conn
	mu            sync.Mutex
	read, written bytes.Buffer
}

func (t *taped) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	t.read.Write(p[:n])
	t.mu.Unlock()
	return n, err
}

func (t *taped) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.mu.Lock()
	t.written.Write(p[:n])
	t.mu.Unlock()
	return n, err
}

// kept is what was read and written.
func (t *taped) kept() (read, written []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.read.Bytes()), bytes.Clone(t.written.Bytes())
}

// A taping is a listener whose connections are taped.
type taping struct {
	net.Listener
	tapes []*taped
}

func (l *taping) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tape := &taped{Conn: conn}
	l.tapes = append(l.tapes, tape)
	return tape, nil
}

// TestHTTP2InsideTLSIsForwardedUnchanged has Go's client and server of HTTP/2 talk through a relay that reads it, with
// requests at the same time, content, trailers and streams that are reset. What one side of TLS sends is what the
// other one gets.
func TestHTTP2InsideTLSIsForwardedUnchanged(t *testing.T) {
	a := newAuthority(t)
	for name, guard := range map[string]bool{"without the guard": false, "with the guard": true} {
		t.Run(name, func(t *testing.T) {
			r := a.audited(t, func(r *Relay) {
				if guard {
					r.Backend.Guard = notBad
				}
			})
			both := new(http.Protocols) // of which one is left: both sides write HTTP/2 into the TLS that they are given
			both.SetUnencryptedHTTP2(true)
			backend := &taping{Listener: tls.NewListener(r.backend, &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2"}})}
			server, served := &http.Server{Handler: http.HandlerFunc(answerHTTP2), Protocols: both}, make(chan error, 1)
			go func() { served <- server.Serve(backend) }()
			var client *taped
			transport := &http.Transport{Protocols: both, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn := tls.Client(r.dial(), &tls.Config{RootCAs: a.pool, ServerName: "localhost", NextProtos: []string{"h2"}})
				client = &taped{Conn: conn}
				return client, conn.HandshakeContext(ctx)
			}}
			askHTTP2(t, transport, 0) // the connection comes about
			var asking sync.WaitGroup
			for i := 1; i < 30; i++ {
				asking.Go(func() { askHTTP2(t, transport, i) })
			}
			asking.Wait()
			transport.CloseIdleConnections()
			client.Close()
			r.end()
			server.Close()
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
			if len(backend.tapes) != 1 {
				t.Fatalf("%d connections", len(backend.tapes))
			}
			up, down := client, backend.tapes[0]
			_, sent := up.kept()
			if got, _ := down.kept(); len(got) < 100_000 || !bytes.HasPrefix(sent, got) {
				t.Errorf("the server got %d bytes that are not the %d that the client sent", len(got), len(sent))
			}
			_, sent = down.kept()
			if got, _ := up.kept(); len(got) < 100_000 || !bytes.HasPrefix(sent, got) {
				t.Errorf("the client got %d bytes that are not the %d that the server sent", len(got), len(sent))
			}
			if r.Counts.Opaque.Load() != 0 || r.Counts.Exchanges.Load() != 30 || r.Counts.HTTP2Read.Load() != 1 {
				t.Errorf("%d connections could not be read, %d requests on %d connections", r.Counts.Opaque.Load(), r.Counts.Exchanges.Load(), r.Counts.HTTP2Read.Load())
			}
		})
	}
}

// answerHTTP2 sends back what it gets, and trailers.
func answerHTTP2(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Trailer", "x-sum")
	n, err := io.Copy(w, q.Body)
	w.Header().Set("x-sum", fmt.Sprint(n, err))
}

// askHTTP2 sends content and reads it again; each fifth request is cancelled on the way.
func askHTTP2(t *testing.T, transport http.RoundTripper, i int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	content := bulk(i*1000, i)
	q, err := http.NewRequestWithContext(ctx, "POST", "http://localhost/"+fmt.Sprint(i), strings.NewReader(content))
	if err != nil {
		t.Error(err)
		return
	}
	q.Header.Set("x-large", strings.Repeat(fmt.Sprint(i), i*50))
	p, err := transport.RoundTrip(q)
	if err != nil {
		t.Error(err)
		return
	}
	defer p.Body.Close()
	if i%5 == 4 {
		return
	}
	got, err := io.ReadAll(p.Body)
	if err != nil || string(got) != content || p.Trailer.Get("x-sum") != fmt.Sprint(len(content), error(nil)) {
		t.Error(errors.Join(fmt.Errorf("request %d: got %d of %d bytes, trailers %v", i, len(got), len(content), p.Trailer), err))
	}
}
