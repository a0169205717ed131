//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestListenersCertificatesAndRoutes runs two TLS listeners, one of them with two certificates. One
// route is for an SNI name and one for the other listener. curl gets the certificate and the
// backend of the name that it asks for. After a certificate file is replaced, the next connection
// gets the new certificate.
func TestListenersCertificatesAndRoutes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, name := range []string{"first", "second", "other"} {
		o.vouch(t, name, name+".example")
	}
	tells := func(text string) string {
		return site(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	}
	_, otherPort, err := net.SplitHostPort(closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	pair := func(name string) string { return "{cert: " + o.at(name+".pem") + ", key: " + o.at(name+".key") + "}" }
	config := file(t, "interlock.yaml", []byte("tls: {certificates: ["+pair("first")+", "+pair("second")+"]}\n"+
		"listeners:\n  - {listen: \"localhost:"+otherPort+"\", tls: {certificates: ["+pair("other")+"]}}\n"+
		"routes:\n  - {name: sni, sni: [\"second.*\"], backend: \"http://"+tells("second")+"\"}\n"+
		"  - {name: listener, listen: \"localhost:"+otherPort+"\", backend: \"http://"+tells("other")+"\"}\n"))
	p := serve(t, tells("first"), "--config", config)
	_, port, err := net.SplitHostPort(p.listen)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(host, port string) result {
		url := "https://" + host + ":" + port + "/"
		return run(t, program(t, "curl", "curl"), "-sS", "--cacert", o.at("ca.pem"), "--resolve", host+":"+port+":127.0.0.1", url)
	}
	for host, port := range map[string]string{"first": port, "second": port, "other": otherPort} {
		if got := ask(host+".example", port); got.stdout != host {
			t.Errorf("%s: got %q\n%s", host, got.stdout, got.stderr)
		}
	}
	if got := ask("other.example", port); got.status == 0 {
		t.Errorf("a name that no certificate is for: got %q", got.stdout)
	}
	strangers := newOffice(t)
	strangers.vouch(t, "second", "second.example")
	if err := errors.Join(os.Rename(strangers.at("second.key"), o.at("second.key")), os.Rename(strangers.at("second.pem"), o.at("second.pem"))); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ask("second.example", port).status != 60; { // until curl rejects the new certificate
		if time.Now().After(deadline) { // the files are checked once a second
			t.Fatal("the certificate that is there is not shown")
		}
	}
	if got := ask("first.example", port); got.stdout != "first" {
		t.Errorf("got %q, %s", got.stdout, got.stderr)
	}
}
