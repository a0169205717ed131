package run

import (
	"strings"
	"testing"
)

// TestFlagsAboutTLSAreGivenAgain holds that a command has the flags about TLS that the run had, and
// none where no TLS is spoken.
func TestFlagsAboutTLSAreGivenAgain(t *testing.T) {
	f := &ProbeFlags{Insecure: true, CA: "ca.pem", Cert: "c.pem", Key: "c.key", SNI: "chat.test"}
	if got, want := strings.Join(f.tlsFlags(place{scheme: "https"}), " "), "--insecure --ca-cert ca.pem --client-cert c.pem --client-key c.key --sni chat.test"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := f.tlsFlags(place{scheme: "http"}); len(got) > 0 {
		t.Errorf("got %q without TLS", got)
	}
	if got := (&ProbeFlags{}).tlsFlags(place{scheme: "https"}); len(got) > 0 {
		t.Errorf("got %q without flags", got)
	}
}
