package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
)

// TestProtectedPagesAreLearned has a client be asked to log in at a page, and another connect with a
// session. The probes compare the page with and without an offer, and the handshake without the
// session.
func TestProtectedPagesAreLearned(t *testing.T) {
	for name, want := range map[string]string{"login": " RESULT fail=0 ", "login-skipped-by-offer": " RESULT fail=4 "} {
		backend, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(backend.Close)
		s := serveFile(t, "backend: "+backend.URL+"\n")
		page, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/admin?page=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		page.Host = "a.test"
		p, err := http.DefaultClient.Do(page)
		if err != nil {
			t.Fatal(err)
		}
		p.Body.Close()
		conn, r, status := s.open("a.test\r\nCookie: session=lab")
		if p.StatusCode != 401 || status != 101 || echoes(conn, r) != nil {
			t.Fatalf("%s: got %d and %d", name, p.StatusCode, status)
		}
		conn.Close()
		s.await(t, "exchange", 1)
		var out, complaints bytes.Buffer
		code := execute([]string{"probe", "--admin", s.admin, "--endpoint", "/chat", "--as-recorded", "--only", "UPGRADE-AUTH-*", "--ascii", "-v"}, &out, &complaints)
		failed := name != "login"
		if failed != (code == exit.StatusFound) || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "at     /admin: critical") != failed ||
			strings.Contains(out.String(), " at ,") {
			t.Errorf("%s: status %d, want %q\n%s%s", name, code, want, &out, &complaints)
		}
	}
}

// TestEndpointsThatRequireALogin checks live traffic of an endpoint of which the configuration says
// that it requires credentials.
func TestEndpointsThatRequireALogin(t *testing.T) {
	backend, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\nrules: {endpoints: [{endpoint: /chat, auth: required}]}\n")
	for i, fields := range []string{"a.test\r\nCookie: session=1", "a.test"} {
		conn, r, status := s.open(fields)
		if status != 101 || echoes(conn, r) != nil {
			t.Fatalf("got %d", status)
		}
		conn.Close()
		s.await(t, "exchange", i+1)
	}
	s.await(t, "unsafe switch", 1)
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	if text := s.lines.text.String(); !strings.Contains(text, `"rules":["UPGRADE-AUTH-NONE"]`) || strings.Count(text, `"message":"unsafe switch"`) != 1 {
		t.Errorf("got %s", text)
	}
}

// TestTheGuardStopsClientsWithoutALogin checks that the guard lets clients with credentials through to
// an endpoint that requires them, and no others.
func TestTheGuardStopsClientsWithoutALogin(t *testing.T) {
	backend, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\nguard: unsafe\nrules: {endpoints: [{endpoint: /chat, auth: required}]}\n")
	for fields, want := range map[string]int{"a.test\r\nCookie: session=1": 101, "a.test": 502, "a.test\r\nAuthorization: Bearer t0ken": 101} {
		conn, r, status := s.open(fields)
		if status != want || want == 101 && echoes(conn, r) != nil {
			t.Errorf("%q: got %d, want %d and a tunnel if that is 101", fields, status, want)
		}
		conn.Close()
	}
	if stopped := s.await(t, "blocked switch", 1); fmt.Sprint(stopped["rules"]) != "[UPGRADE-AUTH-NONE]" {
		t.Errorf("logged %v", stopped)
	}
}
