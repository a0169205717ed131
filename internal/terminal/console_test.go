package terminal

import (
	"bytes"
	"strings"
	"testing"
)

// TestConsoleLines holds what a person sees for each kind of log line.
func TestConsoleLines(t *testing.T) {
	t.Setenv("TZ", "UTC")
	t.Setenv("LC_ALL", "C.UTF-8")
	unsafe := `{"level":"warn","time":"2026-11-21T09:14:05.771Z","message":"unsafe switch","exchange":"1","method":"POST","target":"/chat","protocol":"websocket","status":101,"outcome":"switched","verdict":"fail","severity":"critical","rules":["UPGRADE-POST"],"refs":["RFC 6455 §4.1"]}`
	for _, test := range []struct{ line, want, ascii string }{
		{unsafe, "✖ fail ws    POST /chat                101      UPGRADE-POST RFC 6455 §4.1", "x fail"},
		{strings.Replace(unsafe, "unsafe switch", "exchange", 1), "", ""}, // shown already
		{`{"time":"2026-11-21T09:14:05.771Z","message":"exchange","exchange":"2","method":"GET","target":"/api","protocol":"tls","status":200,"outcome":"ignored","verdict":"pass","severity":"info","rules":[]}`,
			"✓ pass tls   GET  /api                 200      ignored", "+ pass"},
		{`{"time":"2026-11-21T09:14:05.771Z","message":"exchange","exchange":"3","method":"GET","target":"/","protocol":"other","outcome":"silent","verdict":"unclear","severity":"low","rules":["X"]}`,
			"? unclear other GET  /                    silent   X", "? unclear"},
		{`{"time":"2026-11-21T09:14:05.771Z","message":"exchange","exchange":"4","verdict":"warn","severity":"info","rules":["UPGRADE-UNKNOWN"],"status":101}`, "i info", "i info"},
		{`{"time":"2026-11-21T09:14:05.771Z","message":"tunnel closed","cause":"client","ms":764000,"clientBytes":812,"serverBytes":4103}`,
			"· closed by client   open 12m44s   ↑ 812 B ↓ 4.1 kB", ". closed by client   open 12m44s   up 812 B down 4.1 kB"},
		{`{"level":"error","time":"2026-11-21T09:14:05.771Z","message":"answered in place of the backend","err":"cannot reach backend"}`,
			"error: answered in place of the backend: cannot reach backend", "error: "},
		{`{"time":"2026-11-21T09:14:05.771Z","message":"listening"}`, "", ""},
		{`{"message":"note","text":"sound backend"}`, "\n sound backend", "\n sound backend"},
	} {
		for _, ascii := range []bool{false, true} {
			var out bytes.Buffer
			c := NewConsole(&out, ascii)
			if strings.Contains(test.line, `"message":"exchange","exchange":"1"`) {
				c.shown["1"] = true
			}
			if n, err := c.Write([]byte(test.line + "\n")); n != len(test.line)+1 || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			want := test.want
			if ascii {
				want = test.ascii
			}
			if got := out.String(); want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("ascii %v: got %q, want %q", ascii, got, want)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 4103: "4.1 kB", 2_500_000: "2.5 MB", 7_000_000_000: "7.0 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
