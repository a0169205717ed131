package site

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// TestRemediesAreForTheServer divides the lines of a remedy by the products that they name.
func TestRemediesAreForTheServer(t *testing.T) {
	r := &rules.Rule{Fix: "Reject it.\nMost WebSocket libraries: put a guard in front.\nws, Socket.IO: check req.method.\nPython websockets: use process_request.\n" +
		"Go: compare r.Method.\nNode.js: listen to upgrade.\nnginx, in front: limit_except.\nExpress and http-proxy: routers do not see it."}
	for name, want := range map[string]string{
		"ws JavaScript":         "ws, Node.js",
		"socket.io JavaScript":  "ws, Node.js",
		"websockets Python":     "Python",
		"aiohttp Python":        "",
		"gorilla/websocket Go":  "Go",
		"express-ws JavaScript": "ws, Node.js, Express",
		"nginx C":               "nginx",
		"jetty Java":            "",
	} {
		product, language, _ := strings.Cut(name, " ")
		f := fixesFor(r, &results.Server{Name: product, Language: language})
		var got []string
		for _, line := range f.Own {
			got = append(got, strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" ,:", c) })[0])
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: got the lines %q, want those of %s", name, f.Own, want)
		}
		if len(f.General) != 2 || len(f.General)+len(f.Own)+len(f.Others) != 8 {
			t.Errorf("%s: got %q", name, f)
		}
	}
}
