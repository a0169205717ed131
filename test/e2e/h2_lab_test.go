//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestClientsOfHTTP2LikeTheLab uses other implementations of HTTP/2 than the tests of the lab do.
func TestClientsOfHTTP2LikeTheLab(t *testing.T) {
	t.Parallel()
	url := "http://" + labServer(t, "h2") + "/api/items"
	for _, each := range [][]string{
		{"curl", "curl", "-sS", "--http2-prior-knowledge"},
		{"curl", "curl", "-sS", "--http2-prior-knowledge", "--data", "x"},
		{"nghttp", "nghttp2-client"},
	} {
		got := succeed(t, program(t, each[0], each[1]), append(each[2:], url)...)
		if got.stdout != items {
			t.Errorf("%s: got %q, want %q", each[0], got.stdout, items)
		}
	}
	got := succeed(t, program(t, "h2load", "nghttp2-client"), "-n", "2000", "-c", "2", "-m", "32", url)
	if !strings.Contains(got.stdout, "status codes: 2000 2xx") {
		t.Errorf("h2load: got %s", got.stdout)
	}
}
