package baseline

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// written writes a report of n exchanges and returns its name.
func written(t *testing.T, name string, n int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := report.Open("json", &b, report.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := &wire.Exchange{
		Origin: wire.OriginLive, Request: wire.ReadRequest([]byte("POST /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")), Outcome: wire.Switched, Complete: true,
	}
	r := rules.Classify(rules.Case{X: x})
	for range n {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(&report.Summary{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTwoReportsAreRead(t *testing.T) {
	whole, other := written(t, "whole", 1000), written(t, "other", 10)
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("[7]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		names [2]string
		want  string
	}{
		"both":    {[2]string{whole, other}, ""},
		"first":   {[2]string{broken, whole}, `broken": it is not a report`},
		"second":  {[2]string{whole, broken}, `broken": it is not a report`},
		"neither": {[2]string{broken, broken}, `broken": it is not a report`},
		"nothing": {[2]string{whole, "./nowhere"}, "no such file"},
	} {
		b := Reader{Screen: terminal.NewScreen(io.Discard, io.Discard)}
		var into [2]accept.Findings
		err := b.ReadBoth(t.Context(), c.names, [2]*accept.Findings{&into[0], &into[1]})
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err == nil && (into[0].Rulings != 1000 || into[1].Rulings != 10) {
			t.Errorf("%s: got %d and %d rulings", name, into[0].Rulings, into[1].Rulings)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	b := Reader{Screen: terminal.NewScreen(io.Discard, io.Discard)}
	if err := b.ReadBoth(ended, [2]string{whole, other}, [2]*accept.Findings{{}, {}}); err == nil {
		t.Error("a context that has ended: reports are read")
	}
}
