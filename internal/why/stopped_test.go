package why

import (
	"net/http"
	"strings"
	"testing"
)

// TestAServerThatDiesIsSaid has servers that accept no connection any more after a request: the walk ends
// there, and names it.
func TestAServerThatDiesIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		dies    func(q *http.Request) bool
		answer  int // to that request, and to others; 0: it is closed
		last    string
		refused string // the last step
	}{
		"at a browser":                 {func(q *http.Request) bool { return strings.Contains(q.UserAgent(), "Chrome/") }, 101, `after the request "Chrome" (101)`, "Firefox"},
		"at a browser, without answer": {func(q *http.Request) bool { return strings.Contains(q.UserAgent(), "Firefox/") }, 0, `after the request "Firefox" (a closed connection)`, "Firefox"},
		"at the plain GET":             {func(q *http.Request) bool { return q.Header.Get("Upgrade") == "" }, 404, `after the request "GET" (404)`, "Handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			var s *server
			s = serve(t, func(q *http.Request) (int, string) {
				if !c.dies(q) {
					return map[bool]int{true: 101, false: 404}[isHandshake(q)], ""
				}
				s.deaf()
				return c.answer, ""
			})
			r := walk(t, s.target("/chat"))
			if r.Result != Fails || len(r.Diagnoses) != 1 || r.Diagnoses[0].ID != "walk-stopped" || !strings.Contains(r.Diagnoses[0].Text, c.last) || !strings.Contains(r.Summary, "connection refused") {
				t.Errorf("got %s, %+v, %s", r.Result, r.Diagnoses, r.Summary)
			}
			if last := r.Steps[len(r.Steps)-1]; !strings.Contains(last.What, c.refused) || last.OK {
				t.Errorf("the last step is %+v", last)
			}
		})
	}
}
