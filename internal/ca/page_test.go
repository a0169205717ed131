package ca

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestPageOffersTheCertificate(t *testing.T) {
	a, _ := create(t, "staging.test", "10.0.0.5")
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	page := ask(h, "GET", "/?x=<script>")
	for _, want := range []string{
		a.Fingerprint(), "<code>staging.test</code>", "<code>10.0.0.5</code>", `href="/interlock-ca.pem"`, `href="/interlock-ca.crt"`,
		"update-ca-certificates", "update-ca-trust", "add-trusted-cert", "Import-Certificate", "Firefox", "certutil", "keytool", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "--cacert",
		"--ignore-certificate-errors-spki-list=" + strings.ReplaceAll(a.Pin(), "+", "&#43;"),
	} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if block, _ := pem.Decode(ask(h, "GET", PathPEM).Body.Bytes()); block == nil || !bytes.Equal(block.Bytes, a.DER()) {
		t.Error("the PEM is not the certificate")
	}
	der := ask(h, "GET", PathDER)
	if !bytes.Equal(der.Body.Bytes(), a.DER()) || der.Header().Get("Content-Type") != "application/x-x509-ca-cert" {
		t.Errorf("the DER is not the certificate: %q", der.Header())
	}
	for target, want := range map[string]int{"/favicon.ico": 404, "/ca-key.pem": 404, "/../ca-key.pem": 404} {
		if got := ask(h, "GET", target).Code; got != want {
			t.Errorf("%s: got %d, want %d", target, got, want)
		}
	}
	if got := ask(h, "POST", "/"); got.Code != 405 || got.Header().Get("Allow") == "" {
		t.Errorf("POST: got %d", got.Code)
	}
	if got := ask(h, "HEAD", "/"); got.Code != 200 || got.Body.Len() != 0 {
		t.Errorf("HEAD: got %d and %d bytes", got.Code, got.Body.Len())
	}
}

// TestPageAllowsNothing checks that the content security policy allows only the style of the page,
// and that the page needs nothing else.
func TestPageAllowsNothing(t *testing.T) {
	a, _ := create(t)
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/", PathPEM, PathDER, "/nothing"} {
		w := ask(h, "GET", target)
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got policy %q", target, policy)
		}
		if target != "/" {
			continue
		}
		text := w.Body.String()
		style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(text)
		if style == nil {
			t.Fatal("the page has no style")
		}
		sum := sha256.Sum256([]byte(style[1]))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q does not allow the style %s", policy, want)
		}
		if regexp.MustCompile(`(?i)<script|javascript:|\son[a-z]+=|\sstyle=|src=`).MatchString(text) {
			t.Error("the page has a script, or a style of an element")
		}
		if !strings.Contains(text, "every host") || strings.Contains(text, "PRIVATE") {
			t.Error("the page does not say that the authority may vouch for every host, or it shows a key")
		}
	}
}

func TestPageInAFileHasTheCertificate(t *testing.T) {
	a, _ := create(t, "staging.test")
	var page bytes.Buffer
	if err := a.WritePage(&page, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "BEGIN CERTIFICATE") || strings.Contains(page.String(), `href="/`) {
		t.Error("the page has no certificate, or links to where it is not")
	}
}
