package audit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestTheGuardObjectsAsTheRulebookDoes compares what the guard says with what all rules find.
func TestTheGuardObjectsAsTheRulebookDoes(t *testing.T) {
	get := strings.Replace(fmt.Sprintf(post, "/chat"), "POST", "GET", 1)
	var a Audit
	blocked := 0
	for _, request := range []string{
		get, fmt.Sprintf(post, "/chat"), strings.Replace(get, "Upgrade: websocket\r\n", "", 1), strings.Replace(get, "websocket", "h2c", 1),
		strings.Replace(get, "Connection: Upgrade\r\n", "", 1), strings.Replace(get, ": 13", ": 12", 1), strings.Replace(get, "/1.1", "/1.0", 1),
		strings.Replace(get, "Host", "Content-Length: 3\r\nHost", 1), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "rubbish\r\n\r\n",
	} {
		for _, response := range []string{
			switching, strings.Replace(switching, "Upgrade: websocket\r\n", "", 1), strings.Replace(switching, "Connection: Upgrade\r\n", "", 1),
			strings.Replace(switching, "s3p", "xxx", 1), strings.Replace(switching, "Connection", "Content-Length: 3\r\nConnection", 1),
			strings.Replace(switching, "websocket", "h2c", 1), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 101\r\n\r\n",
		} {
			x := exchange("1", request)
			if x.Response = wire.ReadResponse([]byte(response)); x.Response.Status != 101 {
				x.Outcome = wire.Ignored
			}
			r := rules.Classify(rules.Case{X: x})
			nameless := r.Find("UPGRADE-101-NO-UPGRADE")
			want := r.Unsafe || nameless != nil && nameless.Verdict == rules.Fail
			err := a.Guard(x)
			if (err != nil) != want {
				t.Errorf("%q\n%q: the guard says %v, the rulebook %v", request, response, err, r.Broken())
			}
			if err != nil {
				blocked++
			}
		}
	}
	if blocked < 20 || blocked > 70 {
		t.Errorf("%d of 80 were blocked", blocked)
	}
	if len(a.Findings()) > 0 || a.Sums() != (Sums{}) {
		t.Error("the guard counts")
	}
}
