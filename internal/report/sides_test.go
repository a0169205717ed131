package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// hopped is the ruling of a request that a hop has changed, with a secret on both sides.
func hopped() *rules.Ruling {
	at := time.Unix(1e9, 0)
	far := &wire.Exchange{
		Final: true, Complete: true, Time: at, Outcome: wire.Switched,
		Request:  wire.ReadRequest([]byte("GET /c/1 HTTP/1.1\r\nhost: a\r\nAuthorization: Bearer s3cret-0815\r\nVia: 1.1 lab\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")),
	}
	x := &wire.Exchange{
		ID: "1", Final: true, Complete: true, Origin: wire.OriginChain, Probe: "CHAIN-CONN-KEEPALIVE", Route: "lab", Backend: "127.0.0.1:8080", Time: at, Outcome: wire.Switched,
		Request:  wire.ReadRequest([]byte("GET /c/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cret-0815\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")),
		Hop:      &wire.Hop{Name: "lab", Far: far, Clock: true},
	}
	r := rules.Classify(rules.Case{X: x})
	r.Endpoint = "/"
	return r
}

func TestSidesMarkWhatDiffers(t *testing.T) {
	all, err := Sides(hopped())
	if err != nil {
		t.Fatal(err)
	}
	const want = `Request:
  > GET /c/1 HTTP/1.1
  > Host: a
  > Authorization: ******************
* > Connection: keep-alive
  > Upgrade: websocket
  >> GET /c/1 HTTP/1.1
  >> host: a
  >> Authorization: ******************
* >> Via: 1.1 lab
* >> Connection: upgrade
  >> Upgrade: websocket
Response:
  << HTTP/1.1 101 
  << Upgrade: websocket
  << Connection: Upgrade
  < HTTP/1.1 101 
  < Upgrade: websocket
  < Connection: Upgrade
`
	if got := sidesText(all); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSidesSayWhereARequestWent holds that a request that did not arrive as one is shown where it is.
func TestSidesSayWhereARequestWent(t *testing.T) {
	r := hopped()
	r.X.Hop.Far, r.X.Hop.Within, r.X.Hop.Stray, r.X.Hop.Before = nil, wire.WithinContent, []byte("GET /c/1 HTTP/1.1\r\nHost: a\r\n"), r.X.Hop.Far
	all, err := Sides(r)
	if err != nil {
		t.Fatal(err)
	}
	got := sidesText(all)
	for _, want := range []string{"Before it on the connection to the server:\n", "  >> GET /c/1 HTTP/1.1\n  >> Host: a\n  >> (arrived within the body of the request before it)\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	r.X.Hop = &wire.Hop{Name: "lab"}
	if all, err = Sides(r); err != nil || !strings.Contains(sidesText(all), ">> (did not arrive)\n") {
		t.Errorf("got %s, %v", sidesText(all), err)
	}
	if r.X.Hop = nil; len(mustSides(t, r)) != 0 {
		t.Error("an exchange without a hop has sides")
	}
}

func mustSides(t *testing.T, r *rules.Ruling) []Passage {
	t.Helper()
	all, err := Sides(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestChainIsSentAgainInHTTP2 holds that the command of a probe over HTTP/2 chooses the version, and sends no
// further headers.
func TestChainIsSentAgainInHTTP2(t *testing.T) {
	r := hopped()
	r.X.Probe = "CHAIN-H2-COOKIES"
	r.X.Request = wire.ReadRequest([]byte("HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n:scheme: http\r\n:path: /c/1\r\n:authority: 127.0.0.1:8080\r\ncookie: ***\r\n\r\n"))
	if got, want := Again(r), "interlock chain --via lab=http://127.0.0.1:8080/ --http 2 --only CHAIN-H2-COOKIES"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestChainIsSentAgainWithInterlock holds that the command of a probe of chain is one that brings the
// backend along.
func TestChainIsSentAgainWithInterlock(t *testing.T) {
	const want = "interlock chain --via lab=http://127.0.0.1:8080/ --host a -H 'Authorization: ***' --only CHAIN-CONN-KEEPALIVE"
	r := hopped()
	if got := Again(r); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if notes := strings.Join(NewRecipe(r).Notes, "\n"); !strings.HasPrefix(notes, "redacted: Authorization; replace the asterisks") {
		t.Errorf("got %q", notes)
	}
	r.X.BackendTLS, r.X.TLSFlags = true, []string{"--ca-cert", "my ca.pem"}
	if got := Again(stored(t, r)); !strings.Contains(got, "--via lab=https://127.0.0.1:8080/ --host a -H 'Authorization: ***' --ca-cert 'my ca.pem' --only ") {
		t.Errorf("got %q", got)
	}
	if r.X.Probe = "CHAIN-HEAD-SIZE"; strings.Contains(Again(r), " -H ") {
		t.Errorf("got %q", Again(r))
	}
}

// TestUnsafeSwitchesOfProxies holds that HTML does not blame the server, which is Interlock's own.
func TestUnsafeSwitchesOfProxies(t *testing.T) {
	r := hopped()
	r.Unsafe = true
	var b bytes.Buffer
	w := &htmlWriter{w: &b, seen: map[string]bool{}}
	if err := w.Write(r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(&Summary{Unsafe: 2}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "2 times a proxy passed on a switch that it must not have") {
		t.Error("the HTML does not say so")
	}
}
