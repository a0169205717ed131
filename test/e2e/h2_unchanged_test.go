//go:build e2e

package e2e

import (
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// An h2Client is a program that speaks HTTP/2 by prior knowledge.
type h2Client struct {
	name  string
	run   func(t *testing.T, addr string) (shown string) // what it shows of the responses
	shows string                                         // what is in that
}

// loadCounts finds what h2load counts.
var loadCounts = regexp.MustCompile(`(?m)^(requests|status codes):.*$`)

func h2Clients() []h2Client {
	said := func(name, pkg string, args ...string) func(*testing.T, string) string {
		return func(t *testing.T, addr string) string {
			return succeed(t, program(t, name, pkg), append(slices.Clone(args), "http://"+addr+"/api/items")...).stdout
		}
	}
	return []h2Client{
		{name: "curl", run: said("curl", "curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_code} %{http_version}"), shows: items + "200 2"},
		{name: "curl with content", run: said("curl", "curl", "-sS", "--http2-prior-knowledge", "--data", strings.Repeat("content ", 10_000)), shows: items},
		{name: "nghttp", run: said("nghttp", "nghttp2-client", "-H", "te: trailers"), shows: items},
		{name: "nghttp with padding and CONTINUATION", run: said("nghttp", "nghttp2-client", "--padding=7", "--continuation", "-m", "20"), shows: items},
		{name: "h2load", shows: "500 2xx", run: func(t *testing.T, addr string) string {
			got := said("h2load", "nghttp2-client", "-n", "500", "-c", "3", "-m", "20")(t, addr)
			return strings.Join(loadCounts.FindAllString(got, -1), "\n")
		}},
		{name: "gRPC", run: talkGRPC, shows: grpcShown},
	}
}

// TestHTTP2IsForwardedUnchanged runs clients of HTTP/2 directly and through Interlock. They get the
// same, and each connection carries the same bytes on both sides of Interlock.
func TestHTTP2IsForwardedUnchanged(t *testing.T) {
	t.Parallel()
	for _, c := range h2Clients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			backend := func() string { return labServer(t, "h2") }
			if c.name == "gRPC" {
				backend = func() string { return grpcServer(t) }
			}
			addr := backend()
			behind := behindInterlock(t, addr)
			before := beforeInterlock(t, serve(t, behind.addr).listen)
			direct, through := c.run(t, addr), c.run(t, before.addr)
			if direct != through || !strings.Contains(through, c.shows) {
				t.Errorf("got %q through Interlock, %q directly, want %q", clip(through), clip(direct), clip(c.shows))
			}
			unchanged(t, before, behind)
		})
	}
}

// TestH2specFindsTheSame sends the cases of h2spec to a server directly and through Interlock, and
// compares what passed. Many cases are about malformed HTTP/2, which Interlock forwards too.
func TestH2specFindsTheSame(t *testing.T) {
	t.Parallel()
	binary := buildH2spec(t)
	for name, s := range map[string]struct {
		start func(*testing.T) string
		path  string
		least int // cases that pass
	}{
		"lab":     {func(t *testing.T) string { return labServer(t, "h2") }, "/api/items", 146}, // all
		"nghttpx": {func(t *testing.T) string { return nghttpx(t, labServer(t, "gorilla"), tlsPair{}) }, "/api/items", 130},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := s.start(t)
			behind := behindInterlock(t, addr)
			before := beforeInterlock(t, serve(t, behind.addr).listen)
			passed, differing := againWhatDiffers(t, binary, addr, before.addr, s.path, "plain")
			if len(differing) > 0 || passed < s.least {
				t.Errorf("%d cases passed, want %d at least; these have other results through Interlock: %q", passed, s.least, differing)
			}
			unchanged(t, before, behind)
		})
	}
}

// againWhatDiffers is compareH2spec, but cases that have another result are sent again: on a busy machine an
// answer may come too late for h2spec.
func againWhatDiffers(t *testing.T, binary, direct, through, path, transport string) (passed int, differing []string) {
	t.Helper()
	passed, differing = compareH2spec(t, binary, direct, through, path, transport)
	for range 2 {
		if len(differing) > 0 {
			_, differing = compareH2spec(t, binary, direct, through, path, transport, differing...)
		}
	}
	return passed, differing
}

// compareH2spec sends cases directly and through Interlock. It returns how many passed, and the names of
// those that have another result.
func compareH2spec(t *testing.T, binary, direct, through, path, transport string, cases ...string) (passed int, differing []string) {
	t.Helper()
	var want []string
	var both sync.WaitGroup // many cases wait for two seconds
	both.Go(func() { want = h2spec(t, binary, direct, path, transport, cases...) })
	got := h2spec(t, binary, through, path, transport, cases...)
	both.Wait()
	for i, each := range want {
		if i >= len(got) || got[i] != each {
			differing = append(differing, strings.Fields(each)[1])
		} else if strings.HasPrefix(each, "passed ") {
			passed++
		}
	}
	return passed, differing
}

// h2spec sends cases, and returns a line for each.
func h2spec(t *testing.T, binary, addr, path, transport string, cases ...string) []string {
	_, port, _ := net.SplitHostPort(addr)
	got := run(t, binary, append([]string{port, path, transport}, cases...)...)
	if got.status != 0 {
		t.Errorf("h2spec: got status %d\n%s", got.status, got.stderr)
	}
	return strings.Split(strings.TrimSpace(got.stdout), "\n")
}

func buildH2spec(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "h2spec")
	if out, err := exec.Command("go", "build", "-o", binary, "./h2spec").CombinedOutput(); err != nil {
		t.Fatalf("build h2spec: %v\n%s", err, out)
	}
	return binary
}
