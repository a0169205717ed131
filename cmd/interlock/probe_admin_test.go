package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
)

// TestProbingFromTheRunningProxy learns an endpoint from a client and probes it through the admin
// address. The client's credentials are used only on request and never shown.
func TestProbingFromTheRunningProxy(t *testing.T) {
	backend, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\n")
	probing := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, complaints bytes.Buffer
		code = execute(append([]string{"probe", "--admin", s.admin, "--endpoint", "/chat"}, args...), &out, &complaints)
		return code, out.String(), complaints.String()
	}
	if code, _, stderr := probing(); code != exit.StatusUsage || strings.Contains(stderr, " probes, about ") {
		t.Errorf("before anything was learned: status %d\n%s", code, stderr)
	}
	conn, r, status := s.open("a.test\r\nCookie: session=SPARROW")
	if status != 101 || echoes(conn, r) != nil {
		t.Fatalf("got %d", status)
	}
	conn.Close()
	s.await(t, "exchange", 1)
	file := filepath.Join(t.TempDir(), "probes.json")
	code, text, stderr := probing("-o", "text", "-o", "json="+file, "--ascii")
	announced := "interlock: /chat at " + backend.Addr + ", of http://" + s.admin + ": "
	if code != 0 || !strings.Contains(text, "\n RESULT fail=0 ") || strings.Contains(stderr, "recorded") || !strings.HasPrefix(stderr, announced) {
		t.Errorf("status %d\n%s%s", code, text, stderr)
	}
	written, err := os.ReadFile(file)
	var document struct {
		Summary   map[string]int
		Endpoints []struct{ Results []any }
	}
	if err != nil || json.Unmarshal(written, &document) != nil || len(document.Endpoints) != 1 || document.Summary["pass"] < 100 {
		t.Errorf("the document is %.200s, %v", written, err)
	}
	code, text2, stderr := probing("--as-recorded", "--only", "CTRL-WS,UPGRADE-POST", "-o", "ndjson")
	if code != 0 || !strings.Contains(stderr, "credentials recorded") || strings.Count(text2, "\n") != 2 {
		t.Errorf("as recorded: status %d\n%s%s", code, text2, stderr)
	}
	s.await(t, "probe run finished", 2)
	s.lines.mu.Lock()
	logged := s.lines.text.String()
	s.lines.mu.Unlock()
	if strings.Contains(logged+text+text2+stderr+string(written), "SPARROW") {
		t.Error("the secret is shown")
	}
}

// TestProbingOneOfTwoRoutes has two routes learn the same path. Naming only the endpoint is an
// error that lists both routes; --route selects one.
func TestProbingOneOfTwoRoutes(t *testing.T) {
	backend, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\nroutes:\n"+
		"- {name: blue, hosts: [blue.test], backend: \""+backend.URL+"\"}\n- {name: red, hosts: [red.test], backend: \""+backend.URL+"\"}\n")
	for i, host := range []string{"blue.test", "red.test"} {
		conn, r, status := s.open(host)
		if status != 101 || echoes(conn, r) != nil {
			t.Fatalf("%s: got %d", host, status)
		}
		conn.Close()
		s.await(t, "exchange", i+1)
	}
	probing := func(args ...string) (code int, stdout, stderr string) {
		var out, complaints bytes.Buffer
		code = execute(append([]string{"probe", "--admin", s.admin, "--endpoint", "/chat", "--only", "UPGRADE-POST", "--ascii"}, args...), &out, &complaints)
		return code, out.String(), complaints.String()
	}
	const both = "interlock: /chat is an endpoint of 2 routes: choose one with --route blue or --route red\n"
	if code, _, stderr := probing(); code != exit.StatusUsage || stderr != both {
		t.Errorf("status %d: %s", code, stderr)
	}
	code, text, stderr := probing("--route", "red", "-o", "ndjson")
	if code != 0 || !strings.Contains(text, `"route":"red"`) || strings.Contains(text, `"route":"blue"`) {
		t.Errorf("status %d: %s%s", code, text, stderr)
	}
	if code, _, stderr := probing("--route", "green"); code != exit.StatusUsage || !strings.Contains(stderr, "/chat") {
		t.Errorf("status %d: %s", code, stderr)
	}
}

// TestProbingFromTheRunningProxyInHTTP2 probes an endpoint that was seen in HTTP/2 in both versions, or in the
// one that is asked for, and runs it again by the API.
func TestProbingFromTheRunningProxyInHTTP2(t *testing.T) {
	backend, err := lab.Start("h2")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\n")
	run := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, complaints bytes.Buffer
		code = execute(append([]string{"probe"}, args...), &out, &complaints)
		return code, out.String(), complaints.String()
	}
	if code, _, stderr := run("h2c://"+s.addr+"/ws", "--only", "CTRL-H2-WS", "--exact", "-o", "json=-"); code != 0 {
		t.Fatalf("status %d: %s", code, stderr)
	}
	r, err := http.Get("http://" + s.admin + "/api/v1/endpoints")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if text, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(text), `"http":["2"],"tls":false,"host":"`+s.addr+`"`) {
		t.Errorf("got %s, %v", text, err)
	}
	const both = "UPGRADE-POST,UPGRADE-H2-PROTO-EMPTY,UPGRADE-H2-CHECK-VERSION"
	for _, each := range []struct {
		http, only string
		code       int
		says       string
		probes     []string
	}{
		{"", both, 0, "control + websocket 101   + websocket over HTTP/2 200", strings.Split(both, ",")},
		{"1.1", both, 0, "control + websocket 101", []string{"UPGRADE-POST"}},
		{"2", "UPGRADE-H2-PROTO-EMPTY", 0, "control + websocket over HTTP/2 200", []string{"UPGRADE-H2-PROTO-EMPTY"}},
		{"1.1", "UPGRADE-H2-PROTO-EMPTY", 2, "these probes are in HTTP/2, in which the endpoint is not probed: choose version 2 or both", nil},
		{"2", "UPGRADE-POST", 2, "these probes are in HTTP/1.1: choose version 1.1 or both", nil},
		{"3", both, 2, `--http: must be 1.1, 2 or both, not "3"`, nil},
	} {
		args := []string{"--admin", s.admin, "--endpoint", "/ws", "--ascii", "--verbose", "--only", each.only}
		if each.http != "" {
			args = append(args, "--http", each.http)
		}
		code, stdout, stderr := run(args...)
		if code != each.code || !strings.Contains(stdout+stderr, each.says) {
			t.Errorf("--http %s --only %s: status %d\n%s%s", each.http, each.only, code, stdout, stderr)
		}
		for _, id := range strings.Split(both, ",") {
			if got := strings.Contains(stdout, "+ pass "+id+" "); got != slices.Contains(each.probes, id) {
				t.Errorf("--http %s: %s was sent: %v\n%s", each.http, id, got, stdout)
			}
		}
	}
}
