package chain

import (
	"crypto/tls"
	"io"
	stdlog "log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAProxyThatIsNotTrustedIsNotWaitedFor holds that the error of a certificate says at once what to
// do.
func TestAProxyThatIsNotTrustedIsNotWaitedFor(t *testing.T) {
	sink := listening(t)
	secure, plain := httptest.NewUnstartedServer(nil), httptest.NewServer(nil)
	secure.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	defer plain.Close()
	for address, want := range map[string]string{
		secure.Listener.Addr().String(): "the certificate of the proxy is not trusted: tls: failed to verify certificate: x509: certificate signed by unknown authority; name who has signed it with --ca-cert FILE",
		plain.Listener.Addr().String():  "the proxy does not speak TLS there: ",
	} {
		most := time.Hour
		if strings.Contains(want, "does not speak") {
			most = 0
		}
		hop := &Hop{Address: address, Host: "a.test", TLS: &tls.Config{ServerName: "example.com"}}
		if err := Await(t.Context(), hop, sink, most); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
