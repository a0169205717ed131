package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/web/ui"
)

const secret = "a-token-of-some-length"

// every is each route of a server, as a request.
func every(s *Server) (all []*http.Request) {
	d := &authenticator{}
	routes := append(s.open(), s.api()...)
	routes = append(routes, profiles()...)
	routes = append(routes, route{"GET /login", d.showLogin}, route{"POST /login", d.login}, route{"POST /logout", d.logout})
	for _, page := range []string{
		"/", "/exchanges", "/exchanges/X1", "/findings", "/probes", "/compare", "/rules", "/rules/UPGRADE-POST", "/instances", "/status", "/index.json", "/status.json", "/export", "/nosuch",
	} {
		routes = append(routes, route{pattern: "GET " + page})
	}
	for _, page := range []string{"/accept", "/replay", "/probe", "/cancel", "/pause", "/reload", "/nosuch"} {
		routes = append(routes, route{pattern: "POST " + page})
	}
	for _, r := range routes {
		method, path, _ := strings.Cut(r.pattern, " ")
		path = strings.NewReplacer("{id}", "X1", "{run}", "R1").Replace(path)
		all = append(all, httptest.NewRequest(method, "http://127.0.0.1:9426"+path, nil))
	}
	return all
}

// guarded is what answers behind the authenticator, without what takes time.
func guarded(t *testing.T, d *authenticator) (*Server, http.Handler) {
	s := filled(t)
	s.Profile = true
	s.runs.open(t.Context(), &s.events)
	t.Cleanup(s.runs.close)
	return s, d.guard(s.mux(d))
}

func answerTo(h http.Handler, q *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	ctx, stop := context.WithCancel(q.Context())
	stop() // what would stream ends at once
	h.ServeHTTP(w, q.WithContext(ctx))
	return w
}

// TestEveryRouteIsGuarded holds that nothing but the three open paths, the login page and the
// assets answers without the token, that nothing but the open paths answers under a foreign name,
// and that no write of a page of another origin goes through.
func TestEveryRouteIsGuarded(t *testing.T) {
	s, h := guarded(t, &authenticator{token: secret, loopback: true})
	_, free := guarded(t, &authenticator{loopback: true})
	_, beyond := guarded(t, &authenticator{})
	_, named := guarded(t, &authenticator{token: secret, names: []string{"interlock.example"}})
	for _, q := range every(s) {
		what := q.Method + " " + q.URL.Path
		open, public := isOpen(q.URL.Path), isPublic(q.URL.Path)
		got := answerTo(h, q.Clone(t.Context())).Code
		if closed := !open && !public; closed && got != http.StatusUnauthorized || open && got == http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", what, got)
		}
		for i, wrong := range []string{"Bearer " + secret + "x", "Bearer ", "Basic " + secret, secret} {
			r := q.Clone(t.Context())
			r.RemoteAddr = fmt.Sprintf("%s %d", what, i) // one that has not tried too often
			r.Header.Set("Authorization", wrong)
			if got := answerTo(h, r).Code; !open && !public && got != http.StatusUnauthorized {
				t.Errorf("%s with %q: %d", what, wrong, got)
			}
		}
		if got := answerTo(beyond, q.Clone(t.Context())).Code; !open && !public && got != http.StatusForbidden {
			t.Errorf("%s beyond loopback, where no token is configured: %d", what, got)
		}
		for _, host := range []string{"evil.test", "evil.test:9426", "127.0.0.1.evil.test", "localhost.evil.test", "10.0.0.1", ""} {
			r := q.Clone(t.Context())
			r.Host = host
			r.Header.Set("Authorization", "Bearer "+secret)
			if got := answerTo(h, r).Code; (got == http.StatusMisdirectedRequest) == open {
				t.Errorf("%s under %q: %d", what, host, got)
			}
		}
		for _, host := range []string{"localhost:9426", "127.0.0.1", "[::1]:9426", "LOCALHOST."} {
			r := q.Clone(t.Context())
			r.Host = host
			if got := answerTo(free, r).Code; got == http.StatusMisdirectedRequest || got == http.StatusForbidden || got == http.StatusUnauthorized && q.URL.Path != "/login" {
				t.Errorf("%s under %q: %d", what, host, got)
			}
		}
		for _, host := range []string{"interlock.example:9426", "10.0.0.1:9426"} {
			r := q.Clone(t.Context())
			r.Host = host
			r.Header.Set("Authorization", "Bearer "+secret)
			if got := answerTo(named, r).Code; got == http.StatusMisdirectedRequest {
				t.Errorf("%s under %q: %d", what, host, got)
			}
		}
		if q.Method == http.MethodGet {
			continue
		}
		for _, fields := range []map[string]string{
			{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.test"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
		} {
			for _, h := range []http.Handler{h, free} {
				r := q.Clone(t.Context())
				r.Header.Set("Authorization", "Bearer "+secret)
				for k, v := range fields {
					r.Header.Set(k, v)
				}
				if got := answerTo(h, r).Code; got != http.StatusForbidden {
					t.Errorf("%s with %v: %d", what, fields, got)
				}
			}
		}
	}
}

// TestEveryAnswerIsStrict holds that no answer may be framed, guessed at, kept or run scripts that
// are not ours.
func TestEveryAnswerIsStrict(t *testing.T) {
	s, h := guarded(t, &authenticator{loopback: true})
	for _, q := range append(every(s), httptest.NewRequest("GET", "http://127.0.0.1/assets/style.css", nil)) {
		w := answerTo(h, q)
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s %s: the policy is %q", q.Method, q.URL.Path, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s %s: %v", q.Method, q.URL.Path, w.Header())
		}
	}
}

func TestLogin(t *testing.T) {
	_, h := guarded(t, &authenticator{token: secret, loopback: true})
	page := httptest.NewRequest("GET", "http://127.0.0.1/exchanges?q=a", nil)
	page.Header.Set("Accept", "text/html,*/*")
	if w := answerTo(h, page); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?to=%2Fexchanges%3Fq%3Da" {
		t.Fatalf("a page without a token: %d %v", w.Code, w.Header())
	}
	if w := answerTo(h, httptest.NewRequest("GET", "http://127.0.0.1/login?to=%2F%3Cb%3E", nil)); w.Code != 200 || !strings.Contains(w.Body.String(), `value="/%3Cb%3E"`) || w.Header().Get("Content-Security-Policy") != ui.Policy {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	login := func(token, to string) *httptest.ResponseRecorder {
		q := httptest.NewRequest("POST", "http://127.0.0.1/login", strings.NewReader(url.Values{"token": {token}, "to": {to}}.Encode()))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return answerTo(h, q)
	}
	if w := login("wrong", "/"); w.Code != 401 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a wrong token: %d %v", w.Code, w.Header())
	}
	w := login(secret, "/exchanges?q=a")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/exchanges?q=a" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	c := w.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || strings.Contains(c.Value, secret) || c.MaxAge <= 0 {
		t.Errorf("the cookie is %v", c)
	}
	with := func(method, path string) int {
		q := httptest.NewRequest(method, "http://127.0.0.1"+path, nil)
		q.AddCookie(c)
		return answerTo(h, q).Code
	}
	if got := with("GET", "/api/v1/endpoints"); got != 200 {
		t.Errorf("with the cookie: %d", got)
	}
	if got := with("POST", "/logout"); got != http.StatusSeeOther {
		t.Errorf("logout: %d", got)
	}
	if got := with("GET", "/api/v1/endpoints"); got != 401 {
		t.Errorf("with the cookie of a session that has ended: %d", got)
	}
	codes := map[int]int{}
	for range 20 {
		codes[login("wrong", "/").Code]++
	}
	if codes[429] < 10 || codes[401] > firstAttempts {
		t.Errorf("twenty attempts got %v", codes)
	}
	if w := login(secret, "/"); w.Code != 429 {
		t.Errorf("and then the token: %d", w.Code)
	}
}

// TestWrongTokensAreLimited holds that tokens cannot be tried out, and that the right one may come
// as often as it likes.
func TestWrongTokensAreLimited(t *testing.T) {
	const secret = "0123456789abcdef"
	d := &authenticator{token: secret}
	h := d.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	with := func(token, address string) int {
		q := httptest.NewRequest("GET", "http://127.0.0.1/api/v1/endpoints", nil)
		q.RemoteAddr = address
		q.Header.Set("Authorization", "Bearer "+token)
		return answerTo(h, q).Code
	}
	codes := map[int]int{}
	for range 100 {
		codes[with(secret, "192.0.2.1:1")]++
	}
	if codes[200] != 100 {
		t.Errorf("a hundred requests with the token got %v", codes)
	}
	clear(codes)
	for range 100 {
		codes[with("wrong", "192.0.2.1:2")]++
	}
	if codes[401] < firstAttempts || codes[401] > firstAttempts+2 || codes[401]+codes[429] != 100 {
		t.Errorf("a hundred wrong tokens got %v", codes)
	}
	if here, elsewhere := with(secret, "192.0.2.1:3"), with(secret, "192.0.2.2:1"); here != 429 || elsewhere != 200 {
		t.Errorf("and then the token got %d, and %d from elsewhere", here, elsewhere)
	}
}

func TestNobodyIsSentElsewhereBehindTheLogin(t *testing.T) {
	for to, want := range map[string]string{
		"/a?b=c": "/a?b=c", "": "/", "//evil.test": "/", "/\\evil.test": "/", "https://evil.test/": "/", "javascript:alert(1)": "/", "evil": "/", "/\t/evil.test": "/", "/%5cevil": "/%5cevil", "///evil.test": "/",
	} {
		if got := localPath(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
}

func TestSessionsAreBounded(t *testing.T) {
	var s sessions
	first := s.begin()
	for range maxSessions + 10 {
		s.begin()
	}
	if len(s.all) != maxSessions || s.has(first) || s.has("") || !s.has(s.begin()) {
		t.Errorf("there are %d", len(s.all))
	}
	var a attempts
	for i := range maxAddresses + 10 {
		a.allow(&http.Request{RemoteAddr: net.JoinHostPort(net.IPv4(10, 0, byte(i>>8), byte(i)).String(), "1")})
	}
	if len(a.of) > maxAddresses {
		t.Errorf("%d addresses", len(a.of))
	}
}

// TestOpenPathsHaveAnAddressOfTheirOwn holds that nothing else answers there.
func TestOpenPathsHaveAnAddressOfTheirOwn(t *testing.T) {
	s := filled(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.ServeOpen(ctx, ln) }()
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/readyz?exclude=store": 200, "/readyz?exclude=backend": 503, "/readyz?exclude=stores": 400, "/metrics": 200, "/": 404, "/api/v1/status": 404, "/login": 404, "/debug/pprof/": 404} {
		if status, text := call(t, "GET", "http://"+ln.Addr().String()+path, "", "Host: any.name"); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if _, text := call(t, "GET", "http://"+ln.Addr().String()+"/readyz", ""); text != `{"ready":false,"reasons":[{"part":"store","name":"","reason":"it takes nothing"}]}`+"\n" {
		t.Errorf("got %s", text)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	made := httptest.NewUnstartedServer(nil)
	made.StartTLS()
	certificate := made.TLS.Certificates[0]
	client := made.Client()
	made.Close()
	s := filled(t)
	s.Token, s.TLS = secret, &tls.Config{Certificates: []tls.Certificate{certificate}}
	at := strings.Replace(serve(t, s), "http://", "https://", 1)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p, err := client.PostForm(at+"/login", url.Values{"token": {secret}})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, p.Body)
	p.Body.Close()
	client.CloseIdleConnections()
	if c := p.Cookies(); p.StatusCode != 303 || len(c) != 1 || !c[0].Secure || c[0].Name != "__Host-interlock" || p.ProtoMajor != 1 {
		t.Errorf("%s %v", p.Status, p.Header)
	}
}
