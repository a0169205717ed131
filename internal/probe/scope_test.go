package probe

import (
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

func TestWhatIsSentBeyondLoopback(t *testing.T) {
	content := rules.Content("12345678", rules.Set("Content-Length", "8"))
	probes := map[string]*rules.Probe{
		"plain":    {},
		"HEAD":     {Edit: rules.Method("HEAD")},
		"FOOBAR":   {Edit: rules.Method("FOOBAR")},
		"POST":     {Edit: rules.Method("POST"), Risk: rules.State},
		"PUT":      {Edit: rules.Method("PUT"), Risk: rules.State},
		"content":  {Edit: content, Risk: rules.State},
		"withheld": {Edit: rules.Edits(content, rules.Withheld(rules.HoldForever))},
		"until100": {Edit: rules.Edits(content, rules.Withheld(rules.HoldUntil100))},
		"crash":    {Risk: rules.Crash},
		"h2c":      {Edit: rules.OfferH2C(), Control: "h2c"},
		"tls":      {Edit: rules.Offer("TLS/1.0")},
		"other":    {Edit: rules.Offer("foo/1")},
		"unfit":    {Edit: rules.Set("Upgrade", "foo/1")},
	}
	cases := []struct {
		settings           Settings
		loopback, switches bool
		unsent             string
	}{
		{Settings{}, true, false, ""},
		{Settings{}, false, true, "PUT content until100 crash"},
		{Settings{}, false, false, "POST PUT content until100 crash"},
		{Settings{UnsafeMethods: true}, false, false, "crash"},
		{Settings{Risky: true}, false, true, "PUT content until100"},
		{Settings{Protocols: []string{"h2c", "tls"}}, true, true,
			"plain HEAD FOOBAR POST PUT content withheld until100 crash other unfit"},
		{Settings{Protocols: []string{"websocket"}}, true, true, "h2c tls other"},
	}
	for _, c := range cases {
		at := &caller{target: Target{Base: rules.NewHandshake("http", "a", "/", "k")}, settings: c.settings, loopback: c.loopback}
		for name, p := range probes {
			want := strings.Contains(" "+c.unsent+" ", " "+name+" ")
			if why := at.unsent(p, c.switches); (why != "") != want {
				t.Errorf("%+v, loopback %t: %s is not sent because of %q, want a reason: %t", c.settings, c.loopback, name, why, want)
			}
		}
	}
}

func TestRequestsAreSigned(t *testing.T) {
	sign := func(at *caller, edit rules.Edit) string {
		h := (&rules.Probe{Edit: edit}).On(rules.NewHandshake("http", "a", "/", "k"))
		at.sign(h, "UPGRADE-POST")
		return h.Head()
	}
	settings := Settings{Run: "R1", UserAgent: "interlock-probe/0.1"}
	far, near := &caller{settings: settings}, &caller{settings: settings, loopback: true} // loopback: there may be an Interlock on the path
	const line = "User-Agent: interlock-probe/0.1 R1/UPGRADE-POST"
	if got := sign(far, rules.Edits()); !strings.HasSuffix(got, "Sec-WebSocket-Version: 13\r\n"+line+"\r\n\r\n") {
		t.Errorf("got %q", got)
	}
	if got := sign(far, rules.Set("User-Agent", "Mozilla")); strings.Count(got, line) != 1 || strings.Contains(got, "Mozilla") {
		t.Errorf("got %q", got)
	}
	bareLF := func(h *rules.Handshake) {
		for i := range h.Lines {
			h.Lines[i].End = "\n"
		}
	}
	if got := sign(far, bareLF); !strings.Contains(got, "\n"+line+"\n\r\n") {
		t.Errorf("got %q", got)
	}
	if got := sign(near, rules.Edits()); !strings.HasSuffix(got, "\r\n"+line+"\r\n\r\n") {
		t.Errorf("got %q", got)
	}
	if got := sign(&caller{}, rules.Edits()); strings.Contains(got, "User-Agent") {
		t.Errorf("got %q without a name", got)
	}
}

func TestDefaultsDependOnTheAddress(t *testing.T) {
	var near, far, own Settings
	near.fill(true)
	far.fill(false)
	own = Settings{Concurrency: 3, Rate: 5, Dial: 1, Head: 2, Tail: 3}
	own.fill(true)
	if near.Concurrency != 16 || near.Rate != 0 || far.Concurrency != 1 || far.Rate != 10 {
		t.Errorf("got %d at once and %v a second near, %d and %v far", near.Concurrency, near.Rate, far.Concurrency, far.Rate)
	}
	if near.Dial != 5*time.Second || near.Head != 2*time.Second || near.Tail != 500*time.Millisecond {
		t.Errorf("got %v, %v, %v", near.Dial, near.Head, near.Tail)
	}
	if own.Concurrency != 3 || own.Rate != 5 || own.Dial != 1 || own.Head != 2 || own.Tail != 3 {
		t.Errorf("got %+v", own)
	}
}
