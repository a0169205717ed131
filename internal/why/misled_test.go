package why

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// TestNothingIsSaidOfPathsThatWereNotTried has servers at which the walk does not get to the usual paths, and one at which
// it finds something there.
func TestNothingIsSaidOfPathsThatWereNotTried(t *testing.T) {
	free := make(chan struct{})
	silent := func(q *http.Request) (int, string) {
		select {
		case <-free:
		case <-q.Context().Done():
		}
		return 200, ""
	}
	defer close(free)
	moved := func(*http.Request) (int, string) { return 302, "Location: https://elsewhere.test/chat" }
	broken := func(q *http.Request) (int, string) {
		if q.URL.Path == "/ws" {
			return 101, "no frame"
		}
		return 404, ""
	}
	for name, answer := range map[string]func(*http.Request) (int, string){"silent": silent, "moved": moved, "broken": broken} {
		t.Run(name, func(t *testing.T) {
			r := Walk(context.Background(), serve(t, answer).target("/chat"), Settings{Timeout: 20 * time.Millisecond})
			if strings.Contains(r.Summary, "usual paths") {
				t.Error(r.Summary)
			}
		})
	}
}

// TestOriginIsNotBlamed has a server that gives the same answer to a handshake with Origin and to one without.
func TestOriginIsNotBlamed(t *testing.T) {
	r := walk(t, serve(t, func(*http.Request) (int, string) { return 403, "" }).target("/chat"))
	if len(r.Diagnoses) != 1 || strings.Contains(r.Diagnoses[0].Cause, "Origin") || r.Diagnoses[0].Certainty != rules.Possible {
		t.Errorf("got %+v", r.Diagnoses)
	}
}

// TestFromHere holds that a walk does not speak of an Interlock in between, for there is none.
func TestFromHere(t *testing.T) {
	d := fromHere(rules.Diagnosis{Text: "The backend reset the connection", Cause: "The server computes it wrongly, or a proxy after Interlock changed the key",
		Fix: "Interlock: --backend https://HOST:PORT\nnginx: proxy_pass https://backend;"})
	if all := d.Text + d.Cause + d.Fix; strings.Contains(all, "Interlock") || strings.Contains(all, "The backend") || d.Fix != "nginx: proxy_pass https://backend;" {
		t.Errorf("got %+v", d)
	}
}
