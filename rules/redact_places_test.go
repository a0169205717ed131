package rules

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestSecretsOfProductsAreHidden puts a secret in every place where a known product has one, and
// checks that no output about the exchange contains it.
func TestSecretsOfProductsAreHidden(t *testing.T) {
	places := placesIn(t, "testdata/secrets/hidden.txt")
	if len(places) < 100 {
		t.Fatalf("got %d places, want at least 100", len(places))
	}
	const secret = "K7f3Qz9LmX2vR8tB5nW1"
	for _, place := range places {
		text := strings.ReplaceAll(place, "{jwt}", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{s}.c2lnbmF0dXJl{s}")
		x := placed(strings.ReplaceAll(text, "{s}", secret))
		r := Classify(Case{X: x})
		r.Endpoint = EndpointOf(x)
		shown, err := r.MarshalJSON()
		all := string(shown) + string(r.options.requestHead(x.Request)) + string(r.options.responseHead(x.Request, x.Response)) + r.Target() + r.Endpoint
		if i := strings.Index(all, secret[:12]); err != nil || i >= 0 {
			t.Errorf("%s: %v, shown as %q", place, err, all[max(0, i-60):min(len(all), max(i, 0)+30)])
		}
	}
}

// TestWhatIsNoSecretIsShown checks that redaction spares the text that people need to see what went
// wrong.
func TestWhatIsNoSecretIsShown(t *testing.T) {
	o := new(Options)
	for _, place := range placesIn(t, "testdata/secrets/shown.txt") {
		x := placed(place)
		for _, h := range []struct{ shown, want []byte }{{o.requestHead(x.Request), x.Request.Raw}, {o.responseHead(x.Request, x.Response), x.Response.Raw}} {
			if string(h.shown) != string(h.want) {
				t.Errorf("%s is shown as %q", place, h.shown)
			}
		}
	}
}

// TestRedactionIsConfigured checks that names can be added to the table and removed from it, and
// that tokens stay hidden.
func TestRedactionIsConfigured(t *testing.T) {
	o := &Options{Redact: Redaction{Names: []string{"X-Tenant", "room"}, Allow: []string{"ticket", "Cookie", "id"}}}
	for place, want := range map[string]string{
		"X-Tenant: a\r\n": "X-Tenant: *\r\n",
		"Cookie: theme=dark; sid=abc; ticket=7\r\nA: b\r\n":   "Cookie: theme=dark; sid=***; ticket=7\r\nA: b\r\n",
		"Ticket: eyJhbGciOiJIUzI1NiJ9.e30.c2ln and more\r\n":  "Ticket: ***************************** and more\r\n",
		"Referer: /a?room=1&ticket=2&id=K7f3Qz9LmX2vR8tB5nW1": "Referer: /a?room=*&ticket=2&id=K7f3Qz9LmX2vR8tB5nW1",
	} {
		if got := string(o.head([]byte(place))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// placed returns an exchange whose request has a text in the given place, and whose response
// repeats it.
func placed(place string) *wire.Exchange {
	target, field := "/chat", ""
	if name, _, ok := strings.Cut(place, ": "); ok && wire.IsToken(name) {
		field = place + "\r\n"
	} else {
		target = place
	}
	const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	return &wire.Exchange{
		Origin: wire.OriginLive, Outcome: wire.Switched, Final: true, Complete: true,
		Request:  wire.ReadRequest([]byte("GET " + target + " HTTP/1.1\r\n" + field + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte(switched + field + "Location: " + target + "\r\n\r\n")),
	}
}

// placesIn returns the lines of a file without its comments.
func placesIn(t *testing.T, name string) (lines []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := s.Text(); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}
