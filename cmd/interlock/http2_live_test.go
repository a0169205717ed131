package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	hpackof "golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/internal/lab"
)

// http2Bytes are the preface, SETTINGS and one request on stream 1, which stays open, and then data.
func http2Bytes(data string, fields ...string) []byte {
	var b, block bytes.Buffer
	b.WriteString(http2.ClientPreface)
	f, e := http2.NewFramer(&b, nil), hpackof.NewEncoder(&block)
	_ = f.WriteSettings()
	for i := 0; i < len(fields); i += 2 {
		_ = e.WriteField(hpackof.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	if data != "" {
		_ = f.WriteData(1, false, []byte(data))
	}
	return b.Bytes()
}

// sameInCapture audits a capture, and wants the rules of an event of serve.
func sameInCapture(t *testing.T, event map[string]any, capture []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "traffic.pcap")
	if err := os.WriteFile(name, capture, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	execute([]string{"audit", "-o", "json", name}, &out, &errs)
	type finding struct{ Rule, Verdict string }
	var all []struct {
		Verdict  string
		Findings []finding
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all) != 1 {
		t.Fatalf("%v, %s, %s", err, &out, &errs)
	}
	rules, _ := event["rules"].([]any)
	for _, id := range rules {
		if !slices.ContainsFunc(all[0].Findings, func(f finding) bool { return f.Rule == id && f.Verdict != "pass" }) {
			t.Errorf("live traffic breaks %v, and the capture %+v", rules, all[0])
		}
	}
	if len(rules) == 0 && all[0].Verdict != "pass" {
		t.Errorf("live traffic passes, and the capture is %+v", all[0])
	}
}

// TestGuardEndsAStreamThatSwitches asks a backend of the lab for a switch that HTTP/2 does not have. With the guard, the
// connection ends, and the log says that it was blocked.
func TestGuardEndsAStreamThatSwitches(t *testing.T) {
	backend, err := lab.Start("h2-101")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\nguard: unsafe\n")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = conn.Write(http2Bytes("", ":method", "GET", ":scheme", "http", ":path", "/ws", ":authority", "lab", "connection", "upgrade", "upgrade", "websocket",
		"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version", "13"))
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("the connection does not end: %v", err)
	}
	f := http2.NewFramer(io.Discard, bytes.NewReader(got))
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			break
		}
		if frame.Header().Type == http2.FrameHeaders {
			t.Error("the client got the 101")
		}
	}
	if event := s.await(t, "blocked switch", 1); !strings.Contains(fmt.Sprint(event), "UPGRADE-H2-101") {
		t.Errorf("got %v", event)
	}
}

// TestStreamsAreAudited sends requests in HTTP/2 through Interlock to backends of the lab, and reads in the
// log what is wrong with each. A capture of the same traffic has the same findings.
func TestStreamsAreAudited(t *testing.T) {
	connect := func(more ...string) []string {
		return append([]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/ws", ":authority", "lab",
			"sec-websocket-version", "13", "origin", "http://lab"}, more...)
	}
	protocol := func(value string) []string {
		lines := connect()
		lines[3] = value
		return lines
	}
	upgrade := []string{":method", "GET", ":scheme", "http", ":path", "/ws", ":authority", "lab", "connection", "upgrade", "upgrade", "websocket",
		"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version", "13", "origin", "http://lab"}
	for _, test := range []struct {
		backend string
		fields  []string
		event   string
		rules   []string
	}{
		{"h2", connect(), "exchange", nil},
		{"h2", protocol("interlock-unknown"), "exchange", nil},
		{"h2", upgrade, "exchange", []string{"UPGRADE-H2-CONNECTION-FIELD", "UPGRADE-H2-UPGRADE-FIELD"}},
		{"h2-101", upgrade, "unsafe switch", []string{"UPGRADE-H2-101", "UPGRADE-H2-UPGRADE-FIELD"}},
		{"h2-101-raw", upgrade, "unsafe switch", []string{"UPGRADE-H2-101", "UPGRADE-H2-UPGRADE-FIELD"}},
		{"h2-tunnels-h2c", protocol("h2c"), "unsafe switch", []string{"UPGRADE-H2-PROTOCOL-H2C"}},
		{"h2-any-protocol", protocol("interlock-unknown"), "exchange", []string{"UPGRADE-H2-PROTOCOL-UNKNOWN"}},
		{"h2-page", connect(), "exchange", []string{"UPGRADE-H2-NOT-A-TUNNEL"}},
		{"h2-not-offered", connect(), "exchange", []string{"UPGRADE-H2-NOT-OFFERED"}},
		{"h2-201", connect(), "exchange", []string{"UPGRADE-H2-STATUS"}},
	} {
		t.Run(test.backend+" "+test.fields[3], func(t *testing.T) {
			backend, err := lab.Start(test.backend)
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Close()
			s := serveFile(t, "backend: "+backend.URL+"\n")
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			sent := http2Bytes("", test.fields...)
			_, _ = conn.Write(sent)
			event := s.await(t, test.event, 1)
			_ = conn.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			sameInCapture(t, event, captured(t, string(sent), string(got)))
			var found []string
			for _, rule := range test.rules {
				if strings.Contains(fmt.Sprint(event), rule) {
					found = append(found, rule)
				}
			}
			if !slices.Equal(found, test.rules) || len(test.rules) == 0 && fmt.Sprint(event["verdict"]) != "pass" {
				t.Errorf("got %v, want %v", event, test.rules)
			}
		})
	}
}
