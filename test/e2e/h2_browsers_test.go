//go:build e2e

package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// firefoxPreferences keep Firefox from using the network by itself. It finds chat.example at the local host.
const firefoxPreferences = `user_pref("network.dns.localDomains", "chat.example");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("app.normandy.enabled", false);
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("services.settings.server", "");
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
`

// firefox opens a page, and trusts a CA. It ends when it is told to, at the latest with the test.
func firefox(t *testing.T, ca, url string) (end func()) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "user.js"), []byte(firefoxPreferences), 0o600); err != nil {
		t.Fatal(err)
	}
	certutil := program(t, "certutil", "libnss3-tools")
	succeed(t, certutil, "-d", "sql:"+dir, "-N", "--empty-password")
	succeed(t, certutil, "-d", "sql:"+dir, "-A", "-t", "C,,", "-n", "office", "-i", ca)
	cmd := exec.Command(program(t, "firefox-esr", "firefox-esr"), "--headless", "--no-remote", "--profile", dir, url)
	cmd.Env = append(os.Environ(), "HOME="+dir, "MOZ_CRASHREPORTER_DISABLE=1")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	ended, err := begin(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	end = func() {
		cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(func() {
		if end(); t.Failed() {
			t.Logf("Firefox:\n%s", &said)
		}
	})
	return end
}

// overHTTP2 checks that a page's WebSocket over HTTP/2 was switched, is accepted by all rules, and has echoed: the
// client closes it then. It returns the exchange.
func overHTTP2(t *testing.T, p *process) line {
	t.Helper()
	x := p.exchange(t, "/chat")
	if x.Method != "CONNECT" || x.Protocol != "websocket" || x.Status != 200 || x.Outcome != "switched" || x.Verdict != "pass" {
		t.Errorf("got %s, want an extended CONNECT that is switched and passes", x.text)
	}
	closed := p.message(t, "tunnel closed")
	if closed.Exchange != x.Exchange || closed.ClientLast != "close" || closed.ServerLast != "close" {
		t.Errorf("got %s, want a Close frame of both sides of exchange %s", closed.text, x.Exchange)
	}
	return x
}

// TestChromiumOpensAWebSocketOverHTTP2 loads a page over HTTP/2 through Interlock. Its WebSocket is opened
// in a stream of the same connection, works, is judged, and is shown with its frames. No byte is changed.
func TestChromiumOpensAWebSocketOverHTTP2(t *testing.T) {
	t.Parallel()
	secure := newTLSPair(t)
	p, before, behind := tappedTLS(t, nghttpx(t, page(t), secure), secure)
	b := browser(t, p.admin, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("host-resolver-rules", "MAP chat.example:443 "+before.addr))
	b.do(chromedp.Navigate("https://chat.example/"))
	b.until(`document.title == "echo hello"`)
	x := overHTTP2(t, p)
	keptTunnel(t, p, x.Exchange)
	b.open("/exchanges/" + x.Exchange)
	b.until(`document.body.innerText.includes(":protocol: websocket") && document.querySelector("#tunnel")?.innerText.includes("1 text, 5 B")`)
	b.drawn("tunnel-http2")
	b.silent("the page of an exchange in HTTP/2")
	b.close()
	unchanged(t, before, behind)
}

// TestFirefoxOpensAWebSocketOverHTTP2 is the same, without the pages of Interlock.
func TestFirefoxOpensAWebSocketOverHTTP2(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.vouch(t, "chat", "chat.example")
	secure := tlsPair{cert: o.at("chat.pem"), key: o.at("chat.key")}
	p, before, behind := tappedTLS(t, nghttpx(t, page(t), secure), secure)
	_, port, _ := net.SplitHostPort(before.addr)
	end := firefox(t, o.at("ca.pem"), "https://chat.example:"+port+"/")
	overHTTP2(t, p)
	end()
	unchanged(t, before, behind)
}
