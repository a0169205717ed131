package proxy

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func basic(user string) string { return base64.StdEncoding.EncodeToString([]byte(user)) }

func TestProxyAsksForCredentials(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		for name := range q.Header {
			if strings.HasPrefix(name, "Proxy-") {
				t.Errorf("the backend got %s", name)
			}
		}
		io.WriteString(w, "in")
	}))
	defer origin.Close()
	var log buffer
	r, proxy := forwardedBy(t, func(r *Relay) {
		r.Backend, r.Log = To(origin.Listener.Addr().String()), zerolog.New(&log).Level(zerolog.DebugLevel)
	}, func(f *Forward) { f.Users = map[string]string{"ann": "s3cret:x", "bob": ""} })
	for _, each := range []struct {
		field string
		in    bool
	}{
		{"Proxy-Authorization: Basic " + basic("ann:s3cret:x"), true},
		{"proxy-authorization:   bAsIc   " + basic("bob:"), true},
		{"X: y", false},
		{"Authorization: Basic " + basic("ann:s3cret:x"), false},
		{"Proxy-Authorization: Basic " + basic("ann:s3cret"), false},
		{"Proxy-Authorization: Basic " + basic("ann:"), false},
		{"Proxy-Authorization: Basic " + basic("bob"), false},
		{"Proxy-Authorization: Basic " + basic(":"), false},
		{"Proxy-Authorization: Basic", false},
		{"Proxy-Authorization:", false},
		{"Proxy-Authorization: Bearer " + basic("ann:s3cret:x"), false},
		{"Proxy-Authorization: Basic %%%", false},
		{"Proxy-Authorization: Basic " + basic("ann:s3cret:x") + "\r\nProxy-Authorization: Basic " + basic("ann:s3cret:x"), false},
	} {
		for _, request := range requests(r.Backend.String())[:3] {
			request = strings.Replace(request, "\r\n\r\n", "\r\n"+each.field+"\r\n\r\n", 1)
			status, text := answered(t, proxy, request)
			if each.in && (status != 200 || text != "in") || !each.in && (status != 407 || !strings.Contains(text, "asks for credentials")) {
				t.Errorf("%q: got %d %q", request, status, text)
			}
		}
	}
	client := dial(t, proxy)
	send(t, client, "CONNECT "+r.Backend.String()+" HTTP/1.1\r\n\r\n"+strings.Repeat("more than it reads at once", 1<<12))
	text, err := io.ReadAll(client)
	if !strings.Contains(string(text), "\r\nProxy-Authenticate: Basic realm=\"interlock\", charset=\"UTF-8\"\r\n") || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if status, _ := answered(t, proxy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); status != 400 {
		t.Errorf("the page: got %d", status)
	}
	for _, secret := range []string{"s3cret", basic("ann:s3cret:x"), "ann"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q was logged: %s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "proxy credentials missing or wrong") {
		t.Error("nothing was logged")
	}
}
