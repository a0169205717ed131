package run

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestSidesAreRead holds that the exchanges of a side come from a store, an export of it, a report,
// or the name of an instance in the store of the command.
func TestSidesAreRead(t *testing.T) {
	export := bytes.NewBufferString(`{"schema":1,"table":"store","row":{"id":"01J00000000000000000000009","version":"0.1.0","time":"2026-11-20T09:14:05Z"}}` + "\n")
	var report bytes.Buffer
	for i, instance := range []string{"edge", "edge", "inner"} {
		x := &wire.Exchange{
			ID: fmt.Sprintf("01J0000000000000000000000%d", i), Origin: wire.OriginLive, Final: true, Complete: true, Time: time.Unix(1_800_000_000+int64(i), 0),
			Request: wire.ReadRequest([]byte("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")), Outcome: wire.Closed,
		}
		r := rules.Classify(rules.Case{X: x})
		r.Instance, r.Endpoint = instance, "/chat"
		text, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		report.Write(append(text, '\n'))
	}
	export.Write(report.Bytes())
	dir := t.TempDir()
	for name, text := range map[string][]byte{"export": export.Bytes(), "report": report.Bytes(), "twice": append(report.Bytes(), report.Bytes()...),
		"spaced": bytes.ReplaceAll(export.Bytes(), []byte(`{"schema":1,"table":`), []byte(`{"schema": 1, "table": `))} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	database := filepath.Join(dir, "database")
	open := func(name string) (*store.Store, error) {
		if name == "" {
			name = database
		}
		return store.Open(context.Background(), name, store.Options{})
	}
	s, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), bytes.NewReader(export.Bytes())); err != nil {
		t.Fatal(err)
	}
	s.Close()
	sides := Sides{Open: open}
	for name, want := range map[string]int{"edge": 2, "inner": 1, database: 3, filepath.Join(dir, "export"): 3, filepath.Join(dir, "report"): 3, filepath.Join(dir, "twice"): 3, filepath.Join(dir, "spaced"): 3} {
		if all, err := sides.Read(t.Context(), name); err != nil || len(all) != want {
			t.Errorf("%s: %d exchanges, %v; want %d", name, len(all), err, want)
		}
	}
	sides.Since = time.Unix(1_800_000_001, 0)
	for name, want := range map[string]int{"edge": 1, filepath.Join(dir, "report"): 2} {
		if all, err := sides.Read(t.Context(), name); err != nil || len(all) != want {
			t.Errorf("%s since then: %d exchanges, %v; want %d", name, len(all), err, want)
		}
	}
	for _, name := range []string{"middle", filepath.Join(dir, "nowhere")} {
		if _, err := sides.Read(t.Context(), name); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
