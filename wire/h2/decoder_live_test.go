package h2

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tap is a connection of a client whose bytes a decoder sees before anybody else does.
type tap struct {
	net.Conn
	mu *sync.Mutex
	d  *Decoder
}

func (t tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.feed(Server, p[:n])
	return n, err
}

func (t tap) Write(p []byte) (int, error) {
	t.feed(Client, p)
	return t.Conn.Write(p)
}

func (t tap) feed(from Side, p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.d.Feed(from, p, 0)
}

// TestDecoderReadsGo decodes what Go's client and server say: concurrent streams with interim answers,
// bodies over several frames, and trailers.
func TestDecoderReadsGo(t *testing.T) {
	const requests = 60
	var plain http.Protocols
	plain.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n))
	}))
	server.Config.Protocols = &plain
	server.Start()
	defer server.Close()

	var mu sync.Mutex
	var blind, wrong []string
	heads, sizes, sums := map[string]int{}, map[uint32]int{}, 0
	d := NewDecoder(Terms{}, 0, func(e *Event) {
		switch {
		case e.Kind == EventBlind:
			blind = append(blind, line(e))
		case e.Kind == EventHead && e.Fields[0].Name == "x-sum":
			if sums++; e.Fields[0].Value != fmt.Sprint(sizes[e.Stream]) || !e.EndStream {
				wrong = append(wrong, line(e))
			}
		case e.Kind == EventHead:
			heads[e.Fields[0].Name+" "+e.Fields[0].Value]++
		case e.Kind == EventData && e.From == Client:
			e.Want = e.Length
		case e.Kind == EventPayload:
			sizes[e.Stream] += len(e.Data)
		}
	})
	transport := &http.Transport{Protocols: &plain, MaxConnsPerHost: 1, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return tap{c, &mu, d}, err
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			p, err := client.Post(fmt.Sprintf("%s/%d", server.URL, i), "text/plain", strings.NewReader(strings.Repeat("x", i*1000)))
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Body.Close()
			if n, err := io.Copy(io.Discard, p.Body); err != nil || n != int64(i*1000) {
				t.Errorf("%d bytes: %v", n, err)
			}
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(blind)+len(wrong) > 0 || heads[":status 103"] != requests || heads[":status 200"] != requests || sums != requests {
		t.Errorf("blind %q, wrong %q, %d sums, heads %v", blind, wrong, sums, heads)
	}
	if f := d.Facts(); f.Sides[Client].Opened != requests || f.Sides[Client].Fault != nil || f.Sides[Server].Fault != nil {
		t.Errorf("%+v", f)
	}
}
