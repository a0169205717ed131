//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// large is the body of the big transfers.
const largeSize = 100_000_000

func large() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), largeSize) }

// sum returns the SHA-256 and the length of what r yields.
func sum(r io.Reader) string {
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d bytes, %x", n, hash.Sum(nil))
}

func TestLargeContentArrivesWhole(t *testing.T) {
	t.Parallel()
	want := sum(large())
	addr := site(t, func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.Method == http.MethodPut:
			fmt.Fprint(w, sum(q.Body))
			return
		case q.URL.Path == "/length":
			w.Header().Set("Content-Length", fmt.Sprint(largeSize))
		}
		io.Copy(w, large())
	})
	p := serve(t, addr)
	c := client(t)
	for _, framing := range []string{"length", "chunked"} {
		response, err := c.Get(p.url("/" + framing))
		if err != nil {
			t.Fatal(err)
		}
		if got := sum(response.Body); got != want {
			t.Errorf("download, %s: got %s, want %s", framing, got, want)
		}
		response.Body.Close()
		if chunked := len(response.TransferEncoding) > 0; chunked != (framing == "chunked") {
			t.Errorf("download, %s: got Transfer-Encoding %q", framing, response.TransferEncoding)
		}
		q, err := http.NewRequest(http.MethodPut, p.url("/"+framing), large())
		if err != nil {
			t.Fatal(err)
		}
		if framing == "length" {
			q.ContentLength = largeSize
		}
		if response, err = c.Do(q); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		if response.Body.Close(); string(got) != want {
			t.Errorf("upload, %s: got %s (%v), want %s", framing, got, err, want)
		}
	}
	c.CloseIdleConnections()
	p.nothingLeft()
	if stopped := p.stop(); stopped.Exchanges != 4 || stopped.Opaque != 0 {
		t.Errorf("got %s, want 4 exchanges and nothing opaque", stopped.text)
	}
}

// TestContentWaitsFor100 checks that curl sends its body only after the origin has sent 100, which
// the origin does when it begins to read.
func TestContentWaitsFor100(t *testing.T) {
	t.Parallel()
	addr := site(t, func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprint(w, q.TransferEncoding, " ", sum(q.Body))
	})
	p := serve(t, addr)
	content := bytes.Repeat([]byte("points and signals\n"), 100_000)
	got := succeed(t, program(t, "curl", "curl"), "-sSv", "--expect100-timeout", fmt.Sprint(patience.Seconds()),
		"-H", "Expect: 100-continue", "-H", "Transfer-Encoding: chunked",
		"--data-binary", "@"+file(t, "content", content), p.url("/upload"))
	if want := "[chunked] " + sum(bytes.NewReader(content)); got.stdout != want {
		t.Errorf("got %q, want %q", got.stdout, want)
	}
	if !strings.Contains(got.stderr, "< HTTP/1.1 100 Continue\r\n") {
		t.Errorf("curl has seen no 100: %s", got.stderr)
	}
	p.nothingLeft()
}

// TestEventsArriveOneByOne checks that each event reaches the client at once: the origin sends the
// next one only after the client has received the last.
func TestEventsArriveOneByOne(t *testing.T) {
	t.Parallel()
	const events = 50
	seen := make(chan int) // unbuffered: the origin waits for the client's signal
	addr := site(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range events {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case got := <-seen:
				if got != i {
					t.Errorf("got event %d, want %d", got, i)
				}
			case <-q.Context().Done():
				return
			}
		}
	})
	p := serve(t, addr)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url("/events"), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client(t).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines, n := bufio.NewScanner(response.Body), 0
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var event int
			fmt.Sscan(text, &event)
			select {
			case seen <- event:
			case <-ctx.Done():
			}
			n++
		}
	}
	if n != events || lines.Err() != nil {
		t.Errorf("got %d events (%v), want %d", n, lines.Err(), events)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	const requests = 64
	addr := site(t, func(w http.ResponseWriter, q *http.Request) {
		content, _ := io.ReadAll(q.Body)
		fmt.Fprintf(w, "%s %s", q.URL.Path, content)
	})
	p := serve(t, addr)
	conn := dial(t, p.listen)
	var all strings.Builder
	for i := range requests {
		content := strings.Repeat("x", i)
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: staging.test\r\nContent-Length: %d\r\n\r\n%s", i, len(content), content)
	}
	send(t, conn, all.String())
	answers := bufio.NewReader(conn)
	for i := range requests {
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		got, err := io.ReadAll(response.Body)
		if want := fmt.Sprintf("/%d %s", i, strings.Repeat("x", i)); string(got) != want || err != nil {
			t.Fatalf("answer %d: got %q (%v), want %q", i, got, err, want)
		}
	}
	conn.Close()
	p.nothingLeft()
	if stopped := p.stop(); stopped.Exchanges != requests || stopped.Opaque != 0 {
		t.Errorf("got %s, want %d exchanges and nothing opaque", stopped.text, requests)
	}
}
