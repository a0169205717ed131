package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestUserOfATargetIsNoPartOfItsHost also keeps a password out of what is said about the host.
func TestUserOfATargetIsNoPartOfItsHost(t *testing.T) {
	for target, want := range map[string]struct {
		host   string
		differ bool
	}{
		"http://ann:s3cret@staging.test/chat":  {"staging.test", false},
		"http://ann:s3c@ret@other.invalid:81/": {"other.invalid:81", true},
		"http://other.invalid?a=b@c":           {"other.invalid", true},
		"/chat?a=http://ann:s3cret@other.test": {"", false},
	} {
		x := &wire.Exchange{Request: wire.ReadRequest([]byte("GET " + target + " HTTP/1.1\r\nHost: staging.test\r\n\r\n"))}
		if host, differ := foreignAuthority(&Case{X: x}); host != want.host || differ != want.differ {
			t.Errorf("%s: got %q, %t, want %q, %t", target, host, differ, want.host, want.differ)
		}
	}
}
