package diagnose_test

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestNoDiagnosisShowsASecret puts secrets wherever a request and a response can have them, into every transcript of the
// corpus, and reads all that is said about it.
func TestNoDiagnosisShowsASecret(t *testing.T) {
	const secret = "s3cr3tS3cr3tS3cr3t7"
	inRequest := "Cookie: session=" + secret + "\r\nAuthorization: Bearer " + secret + "\r\nX-Api-Key: " + secret +
		"\r\nSec-WebSocket-Protocol: bearer, " + secret + "\r\nX-Forwarded-For: 192.0.2.7?token=" + secret + "\r\nX-House: " + secret + "\r\n\r\n"
	inResponse := "Set-Cookie: session=" + secret + "\r\nVia: 1.1 gw?token=" + secret + "\r\nX-House: " + secret + "\r\n\r\n"
	options := &rules.Options{Redact: rules.Redaction{Names: []string{"X-House", "X-Envoy-External-Address"}}}
	said := 0
	for _, name := range transcripts(t) {
		tr := read(t, name)
		text := tr.String()
		text = strings.Replace(text, " HTTP/1.1\\r\\n", "?access_token="+secret+" HTTP/1.1\\r\\n", 1)
		text = strings.Replace(text, `Location: /`, `Location: /login/`+`?token=`+secret+`&next=/`, 1)
		text = strings.Replace(text, `Location: https://`, `Location: https://me:`+secret+`@`, 1)
		changed, err := wire.ParseTranscript([]byte(text))
		if err != nil {
			t.Fatal(name, err)
		}
		for i := range changed.Chunks {
			c := &changed.Chunks[i]
			head, rest, whole := strings.Cut(string(c.Bytes), "\r\n\r\n")
			switch {
			case whole && c.From == wire.FromClient && strings.Contains(head, " HTTP/1."):
				c.Bytes = []byte(head + "\r\n" + inRequest + rest)
			case whole && c.From == wire.FromServer && strings.HasPrefix(head, "HTTP/1."):
				c.Bytes = []byte(head + "\r\n" + inResponse + rest)
			}
		}
		for _, x := range changed.Exchanges(wire.Common{}) {
			for _, d := range diagnose.Of(rules.Classify(rules.Case{X: x, Options: options})) {
				said++
				if all := strings.Join([]string{d.Text, d.Cause, d.Basis, d.Fix}, " "); strings.Contains(all, secret[:8]) {
					t.Errorf("%s: %s shows a secret: %s", name, d.ID, all)
				}
			}
		}
	}
	if said < 80 {
		t.Errorf("only %d diagnoses were read", said)
	}
}

// TestHousesOwnSecretIsHidden holds that a header that the configuration calls secret is the basis of a cause without
// its value.
func TestHousesOwnSecretIsHidden(t *testing.T) {
	x := exchange(t, "testdata/stripped-upgrade-426.wire")
	options := &rules.Options{Redact: rules.Redaction{Names: []string{"X-Envoy-External-Address"}}}
	all := diagnose.Of(rules.Classify(rules.Case{X: x, Options: options}))
	if len(all) != 1 || all[0].Basis != `X-Envoy-External-Address: "*********"` {
		t.Errorf("got %+v", all)
	}
}
