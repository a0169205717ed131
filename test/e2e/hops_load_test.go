//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// TestPairsUnderLoad checks that two Interlocks around an nginx under load pair at least 99.9 % of the
// upgrade exchanges, and that what they say about a pair is what the bytes on both sides of nginx say.
func TestPairsUnderLoad(t *testing.T) {
	const clients, each, sample = 16, 95, 40
	name := filepath.Join(t.TempDir(), "hops.db")
	backend := newKeyed(t)
	inner := serve(t, backend.addr(), "--hop", "inner", "--store", name)
	edge := serve(t, nginx(t, "", fmt.Sprintf(recipe, inner.listen, "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;")), "--hop", "edge", "--store", name)
	sent := make([]map[string]seenHead, clients)
	together(t, clients, func(i int) (err error) {
		sent[i], err = loadThrough(edge.listen, i, each)
		return err
	})
	paired := regexp.MustCompile(`interlock_hop_exchanges_total{result="paired"} (\d+)`)
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		found := paired.FindSubmatch(get(t, edge, "/metrics"))
		if len(found) == 0 {
			t.Fatal("there is no metric of pairs")
		}
		if n, err := strconv.Atoi(string(found[1])); err == nil && n*1000 >= clients*each*999 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s of %d upgrade exchanges were paired", found[1], clients*each)
		}
	}
	edge.stop()
	inner.stop()
	t.Log(edge.message(t, "both sides of the hop compared").text)

	near, far := storedBy(t, name, "edge"), storedBy(t, name, "inner")
	m := hop.Match(near, far, 5*time.Second)
	byKey := 0
	for _, p := range m.Pairs {
		if p.By == hop.ByKey {
			byKey++
		}
	}
	t.Logf("%d upgrade exchanges: %d recorded on the near side, %d on the far side, %d pairs, %d by key", clients*each, len(near), len(far), len(m.Pairs), byKey)
	if got, of := byKey*1000, clients*each*999; got < of {
		t.Errorf("%d of %d upgrade exchanges were paired", byKey, clients*each)
	}
	judged := 0
	for _, r := range near {
		if r.X.Hop != nil && r.X.Hop.Far != nil {
			judged++
		}
	}
	t.Logf("%d rulings of the near side have their other side", judged)
	if got, of := judged*1000, clients*each*999; got < of {
		t.Errorf("%d of %d rulings have their other side", judged, clients*each)
	}
	checked := 0
	for _, p := range m.Pairs {
		key, _ := p.Near.X.Request.Value("Sec-WebSocket-Key")
		var client seenHead
		for _, heads := range sent {
			if h, ok := heads[key]; ok {
				client = h
			}
		}
		server, ok := backend.head(key)
		if !ok || client.request == "" {
			t.Fatalf("a pair with a key that no client sent, or no backend got: %q", key)
		}
		if checked++; checked%(clients*each/sample) != 0 {
			continue
		}
		want := append(headDifferences("request", client.request, server.request), headDifferences("response", server.response, client.response)...)
		var got []string
		for _, c := range hop.Compare(p) {
			if c.Kind == hop.Removed || c.Kind == hop.Added || c.Kind == hop.Rewritten {
				got = append(got, fmt.Sprintf("%s %s %s", c.Part, c.Kind, strings.ToLower(c.Header)))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("key %q: got %q, want %q", key, got, want)
		}
	}
}

// seenHead are the raw heads of an exchange, as one side of nginx saw them.
type seenHead struct{ request, response string }

// headDifferences says what happened to the headers of a message between two raw heads.
func headDifferences(part, before, after string) (all []string) {
	was, is := headersOf(before), headersOf(after)
	for name, value := range was {
		if now, ok := is[name]; !ok {
			all = append(all, part+" removed "+name)
		} else if now != value {
			all = append(all, part+" rewritten "+name)
		}
	}
	for name := range is {
		if _, ok := was[name]; !ok {
			all = append(all, part+" added "+name)
		}
	}
	return all
}

// headersOf returns the headers of a raw head by name, each of which is there once.
func headersOf(head string) map[string]string {
	all := map[string]string{}
	for _, line := range strings.Split(head, "\r\n")[1:] {
		if name, value, ok := strings.Cut(line, ":"); ok {
			all[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
	return all
}

// storedBy reads the exchanges that an instance stored.
func storedBy(t *testing.T, name, instance string) (all []*rules.Ruling) {
	t.Helper()
	s, err := store.Open(t.Context(), name, store.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Rulings(t.Context(), store.Query{Instance: instance}, func(r *rules.Ruling) error {
		all = append(all, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// loadThrough makes that many upgrade exchanges, every fifth of which is rejected, each after a plain
// request on another connection. It returns the heads by key.
func loadThrough(addr string, client, number int) (map[string]seenHead, error) {
	heads := map[string]seenHead{}
	for n := range number {
		if err := plainRequest(addr); err != nil {
			return nil, err
		}
		key, path := freshKey(), "/chat"
		if n%5 == 4 {
			path = "/denied"
		}
		request := fmt.Sprintf("GET %s?n=%d.%d HTTP/1.1\r\nHost: chat.test\r\nX-Client: %d\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, client, n, client, key)
		response, err := upgradeOnce(addr, request, path == "/chat")
		if err != nil {
			return nil, err
		}
		heads[key] = seenHead{request, response}
	}
	return heads, nil
}

// plainRequest makes a request without an offer.
func plainRequest(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, strings.Replace(plain, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)); err != nil {
		return err
	}
	got, err := io.ReadAll(conn)
	if err == nil && !bytes.HasPrefix(got, []byte("HTTP/1.1 200 ")) {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

// upgradeOnce makes an upgrade exchange, echoes a frame if it is accepted, and returns the head of the
// response.
func upgradeOnce(addr, request string, accepted bool) (head string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	in := bufio.NewReader(conn)
	if head, err = readHead(in); err != nil || !accepted {
		return head, err
	}
	if _, err := io.WriteString(conn, echoFrame); err != nil {
		return "", err
	}
	got := make([]byte, len(echoed5))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != echoed5 {
		return "", errors.Join(fmt.Errorf("got %q through the tunnel", got), err)
	}
	return head, nil
}
