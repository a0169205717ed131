package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func denied(target, agent string) *wire.Request {
	return wire.ReadRequest([]byte("GET " + target + " HTTP/1.1\r\nHost: a.test\r\nUser-Agent: " + agent + "\r\n\r\n"))
}

// TestProtectedPathsAreLearned checks which requests that got 401 or 403 are remembered.
func TestProtectedPathsAreLearned(t *testing.T) {
	var a Audit
	for _, target := range []string{"/admin?page=2", "/admin", "/users/7", "/users/8", "/users/9", "*", "http://a.test/x", "/" + strings.Repeat("x", 2000)} {
		a.Denied("default", denied(target, "browser"))
	}
	a.Denied("default", denied("/probed", Agent+"0.1.0 01J/UPGRADE-AUTH-TWIN"))
	a.Denied("other", denied("/elsewhere", "browser"))
	post := denied("/posted", "browser")
	post.Method = "POST"
	a.Denied("default", post)
	if got := a.Protected("default", "a.test", 8); !slices.Equal(got, []string{"/users/9", "/admin"}) {
		t.Errorf("got %q", got)
	}
	if got := a.Protected("default", "a.test", 1); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	if got := a.Protected("default", "b.test", 8); got != nil {
		t.Errorf("got %q", got)
	}
	for i := range 2 * maxProtected {
		a.Denied("default", denied(fmt.Sprintf("/p%d/x", i), "browser"))
	}
	if n := len(a.protected); n != maxProtected {
		t.Errorf("%d are remembered, want %d", n, maxProtected)
	}
}

// TestClientsWithoutCredentialsStandOut checks that a switch without credentials is reported once
// other clients of the endpoint have sent some.
func TestClientsWithoutCredentialsStandOut(t *testing.T) {
	var last *rules.Ruling
	a := Audit{Each: func(r *rules.Ruling) { last = r }}
	verdict := func(id, head string) string {
		a.Observe(whole(exchange(id, head)))
		f := last.Find("UPGRADE-AUTH-NONE")
		if f == nil {
			return ""
		}
		return f.Verdict.String() + " " + f.Severity.String()
	}
	anonymous := sound("/chat")
	with := strings.Replace(anonymous, "Host:", "Cookie: session=1\r\nHost:", 1)
	if with == anonymous {
		t.Fatal("there is no Host")
	}
	for i, each := range [][2]string{{anonymous, ""}, {with, ""}, {with, ""}, {anonymous, "warn info"}, {sound("/news"), ""}} {
		if got := verdict(fmt.Sprint(i), each[0]); got != each[1] {
			t.Errorf("exchange %d: got %q, want %q", i, got, each[1])
		}
	}
	if !last.Benign() || last.Verdict == rules.Fail {
		t.Errorf("got %s", last.Verdict)
	}
}
