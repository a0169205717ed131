package results

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestARunIsReadAsItWasWritten(t *testing.T) {
	want := &Run{Schema: Schema, Date: "2026-11-29", Interlock: "0.1.0", Platform: "linux/amd64", Servers: []Server{
		{ID: "a", Name: "A", Cells: []Cell{
			{Probe: "UPGRADE-HTTP10", Verdict: "pass"},
			{Probe: "UPGRADE-POST", Verdict: "fail", Status: 101, Request: []byte("POST / HTTP/1.1\r\n\xff\r\n\r\n")},
		}},
		{ID: "b", Name: "B"},
	}, Failed: []Failed{{ID: "c", Name: "C", Error: "it ended"}, {ID: "d", Name: "D"}},
		LeftOut: []Left{{Probe: "UPGRADE-AUTH-NONE", Reason: "access"}, {Probe: "UPGRADE-SEQ-EARLY", Reason: "early bytes"}}}
	mixed := *want
	mixed.Failed = []Failed{want.Failed[1], want.Failed[0]}
	mixed.LeftOut = []Left{want.LeftOut[1], want.LeftOut[0]}
	mixed.Servers = []Server{want.Servers[1], want.Servers[0]}
	mixed.Servers[1].Cells = []Cell{want.Servers[0].Cells[1], want.Servers[0].Cells[0]}
	var text bytes.Buffer
	if err := mixed.Write(&text); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "run.json")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v and %v, want %+v", got, err, want)
	}
}

func TestWhatIsNotARunIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"[]":                          "not results of the scoreboard",
		`{"schema":9}`:                "schema 9",
		`{"schema":1,"servers":[{}]}`: "without id",
		`{"schema":1,"servers":[{"id":"a","name":"A"},{"id":"a","name":"B"}]}`: "a twice",
	} {
		path := filepath.Join(t.TempDir(), "run.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
