package wire

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// TestNeverIndexedHeadersAreSecret follows the bit from the encoder to the exchange and its transcript.
func TestNeverIndexedHeadersAreSecret(t *testing.T) {
	w := newHTTP2Writer()
	for _, name := range []string{"x-secret", ":x", "X a"} {
		w.hpack[FromClient].WriteField(hpack.HeaderField{Name: name, Value: "v", Sensitive: true})
	}
	w.head(FromClient, 1, false, extendedConnect()...)
	for range 2 {
		w.hpack[FromServer].WriteField(hpack.HeaderField{Name: "set-cookie", Value: "a=1", Sensitive: true})
	}
	w.head(FromServer, 1, false, ":status", "200")
	found, _ := heardHTTP2(w, false)
	x := found[0]
	if got := [][]string{x.Secret(FromClient), x.Secret(FromServer)}; !reflect.DeepEqual(got, [][]string{{"x-secret", `X\x20a`}, {"set-cookie"}}) {
		t.Errorf("got %q", got)
	}
	agreesWithTranscript(t, x)
	var many []h2.Field
	for i := range maxSecret + 1 {
		many = append(many, h2.Field{Name: fmt.Sprint("x", i), Sensitive: true})
	}
	if got := secretNames(nil, many); !slices.Equal(got, []string{AllSecret}) {
		t.Errorf("got %q", got)
	}
}
