package report

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// ofProbe is the ruling on a probe that switched, with further header lines.
func ofProbe(id string, secure bool, lines ...string) *rules.Ruling {
	scheme := map[bool]string{true: "https", false: "http"}[secure]
	base := rules.NewHandshake(scheme, "staging.test:8443", "/chat?room=7", "dGhlIHNhbXBsZSBub25jZQ==")
	h := rules.FindProbe(id).On(base)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Lines = append(h.Lines, rules.Line{Name: name, Gap: ": ", Value: value, End: "\r\n"})
	}
	return rules.Classify(rules.Case{X: &wire.Exchange{
		Origin: wire.OriginProbe, Probe: id, Aim: "/chat?room=7", Outcome: wire.Switched, Backend: "192.0.2.9:8443", BackendTLS: secure,
		Request:  wire.ReadRequest([]byte(h.Head())),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")),
	}})
}

// stored is a ruling as it is read from a store.
func stored(t *testing.T, r *rules.Ruling) *rules.Ruling {
	t.Helper()
	text, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	is, err := rules.ReadRuling(text)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// TestAgainSendsAllOfTheProbe holds that a command has what a probe sends beside its head, each
// part in its turn.
func TestAgainSendsAllOfTheProbe(t *testing.T) {
	base := rules.NewHandshake("http", "staging.test:8443", "/chat?room=7", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, id := range []string{
		"UPGRADE-POST", "UPGRADE-BODY-CL", "UPGRADE-BODY-CHUNKED", "UPGRADE-SEQ-PIPELINE", "UPGRADE-SEQ-UNMASKED", "UPGRADE-SEQ-HTTP-IN-TUNNEL",
		"UPGRADE-SEQ-BEHIND-GET", "UPGRADE-H2C-PRIOR", "UPGRADE-EXPECT-BODY", "UPGRADE-BODY-WITHHELD",
	} {
		h := rules.FindProbe(id).On(base)
		want := h.First()
		if h.Hold == rules.HoldUntil100 {
			want += h.Content
		}
		want += h.After
		command, _, _ := strings.Cut(Again(ofProbe(id, false)), " | ")
		got, err := exec.Command("sh", "-c", strings.ReplaceAll(command, "sleep 1;", "")).Output()
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", id, got, err, want)
		}
	}
}

// TestLongProbesAreSentByInterlock holds that a report does not carry hundreds of kilobytes as a command.
func TestLongProbesAreSentByInterlock(t *testing.T) {
	a := NewRecipe(ofProbe("UPGRADE-SEQ-FRAGMENTS", false))
	if a.Shell != nil || a.Curl != nil || !strings.HasSuffix(a.Probe, " --only UPGRADE-SEQ-FRAGMENTS") || len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "have to hold") {
		t.Errorf("got %.200q", a)
	}
}

// TestAgainReachesTheServer holds which program sends a request, and what it is told.
func TestAgainReachesTheServer(t *testing.T) {
	secure, bare := NewRecipe(ofProbe("UPGRADE-POST", true)), ofProbe("UPGRADE-POST", false)
	for _, c := range []struct{ got, want string }{
		{strings.Join(secure.Shell, " "), "; sleep 2; } | openssl s_client -quiet -no_ign_eof -connect '192.0.2.9:8443' -servername staging.test"},
		{strings.Join(secure.Curl, " "), " -X POST -H 'Host: staging.test:8443' -H 'Connection: Upgrade' "},
		{strings.Join(secure.Curl, " "), " --connect-to staging.test:8443:192.0.2.9:8443 -k 'https://staging.test:8443/chat?room=7'"},
		{secure.Probe, "interlock probe 'https://staging.test:8443/chat?room=7' --only UPGRADE-POST"},
		{strings.Join(NewRecipe(bare).Shell, " "), "'Host: staging.test:8443\\r\\n' 'Connection: Upgrade\\r\\n'"},
		{strings.Join(NewRecipe(bare).Curl, " "), " 'http://192.0.2.9:8443/chat?room=7'"},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	trusting := ofProbe("UPGRADE-POST", true)
	trusting.X.TLSFlags = []string{"--insecure", "--sni", "chat.test"}
	if got, want := NewRecipe(stored(t, trusting)).Probe, "interlock probe https://staging.test:8443/chat --insecure --sni chat.test --only UPGRADE-POST"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	bare.X.Backend = "192.0.2.9:81"
	if got, want := NewRecipe(bare).Probe, "interlock probe 'http://192.0.2.9:81/chat?room=7' -H 'Host: staging.test:8443' --only UPGRADE-POST"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	bare.X.Backend = "unix:/run/a b.sock"
	if got := NewRecipe(bare); !strings.HasSuffix(strings.Join(got.Shell, " "), " | nc -w 2 -U '/run/a b.sock'") || got.Curl != nil || got.Probe != "" {
		t.Errorf("got %+v", got)
	}
}

// TestAgainSaysWhatIsMissing holds that secrets are named that were redacted, and a body that is
// not recorded.
func TestAgainSaysWhatIsMissing(t *testing.T) {
	a := NewRecipe(ofProbe("UPGRADE-POST", false, "Authorization: Bearer 0123456789", "Cookie: session=abcdef"))
	if len(a.Notes) != 1 || !strings.HasPrefix(a.Notes[0], "redacted: Authorization, Cookie; ") || a.Curl != nil || strings.Contains(strings.Join(a.Shell, " "), "abcdef") {
		t.Errorf("got %+v", a)
	}
	live := ofProbe("UPGRADE-BODY-CL", false)
	live.X.Origin, live.X.Probe = wire.OriginLive, ""
	if a := NewRecipe(live); len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "body was not recorded") || a.Probe != "" {
		t.Errorf("got %+v", a)
	}
}

// TestAgainNamesTheLogin holds that the command of a probe has a placeholder for each redacted header
// that is not the probe's own, in both versions of HTTP.
func TestAgainNamesTheLogin(t *testing.T) {
	for _, c := range []struct{ probe, want string }{
		{"UPGRADE-POST", " -H 'Cookie: ***' -H 'Authorization: ***' --only UPGRADE-POST"},
		{"UPGRADE-H2-PROTO-UNKNOWN", " --http 2 -H 'cookie: ***' -H 'authorization: ***' --only UPGRADE-H2-PROTO-UNKNOWN"},
		{"UPGRADE-H2-COOKIE-CRUMBS", " --http 2 -H 'authorization: ***' --only UPGRADE-H2-COOKIE-CRUMBS"},
		{"UPGRADE-H2-AUTH-CONNECT", " --http 2 --only UPGRADE-H2-AUTH-CONNECT"},
	} {
		base := rules.NewHandshake("http", "staging.test:8443", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
		if c.probe != "UPGRADE-H2-COOKIE-CRUMBS" {
			rules.Set("Cookie", "session=abcdef")(base)
		}
		rules.Set("Authorization", "Bearer 0123456789")(base)
		x := &wire.Exchange{
			Origin: wire.OriginProbe, Probe: c.probe, Aim: "/chat", Outcome: wire.Refused, Backend: "192.0.2.9:8443",
			Request:  wire.ReadRequest([]byte(rules.FindProbe(c.probe).On(base).Head())),
			Response: wire.ReadResponse([]byte("HTTP/1.1 400 \r\n\r\n")),
		}
		if x.Request.HTTP2() {
			x.Response, x.Stream = wire.ReadResponse([]byte("HTTP/2\r\n:status: 400\r\n\r\n")), &wire.Stream{ID: 1}
		}
		got := NewRecipe(rules.Classify(rules.Case{X: x})).Probe
		if want := "interlock probe http://staging.test:8443/chat" + c.want; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestAgainSendsNoTextOfHTTP2 holds that the text of a head of HTTP/2 is in no command. What is stored is replayed.
func TestAgainSendsNoTextOfHTTP2(t *testing.T) {
	r := rules.Classify(rules.Case{X: &wire.Exchange{
		ID: "01KAJ2V6", Origin: wire.OriginLive, Outcome: wire.Switched, Backend: "192.0.2.9:8080", Stream: &wire.Stream{ID: 1},
		Request:  wire.ReadRequest([]byte("HTTP/2\r\n:method: GET\r\n:path: /chat\r\nupgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/2\r\n:status: 101\r\n\r\n")),
	}})
	if a := NewRecipe(r); a.Shell != nil || a.Curl != nil || a.Probe != "interlock replay 01KAJ2V6" || len(a.Notes) != 1 {
		t.Errorf("got %+v", a)
	}
	for _, format := range []string{"text", "markdown", "html", "junit", "sarif", "gitlab"} {
		if text := render(t, format, Options{}, []*rules.Ruling{r}); !strings.Contains(text, "interlock replay 01KAJ2V6") {
			t.Errorf("%s: no command replays it", format)
		}
	}
	r.X.Origin = wire.OriginFile
	if a := NewRecipe(r); a.Shell != nil || a.Curl != nil || a.Probe != "" || len(a.Notes) != 1 {
		t.Errorf("of a file: got %+v", a)
	}
}

// TestCommandsAreContinued holds that a shell reads a command that was wrapped as it was, and that
// no line is too long.
func TestCommandsAreContinued(t *testing.T) {
	for _, id := range []string{"UPGRADE-POST", "UPGRADE-BODY-CHUNKED", "UPGRADE-SEQ-EARLY"} {
		words := NewRecipe(ofProbe(id, false, "User-Agent: "+strings.Repeat("interlock-probe/0.1.0\\ ", 12))).Shell
		want, _ := exec.Command("sh", "-c", strings.ReplaceAll(strings.Join(words[:len(words)-1], " "), "sleep 1;", "")).Output()
		for width := 40; width < 200; width += 13 {
			lines := Continued(words[:len(words)-1], width)
			for _, line := range lines {
				if len(line) > width {
					t.Errorf("%s: %d columns, not %d: %s", id, len(line), width, line)
				}
			}
			got, err := exec.Command("sh", "-c", strings.ReplaceAll(strings.Join(lines, "\n"), "sleep 1;", "")).Output()
			if err != nil || string(got) != string(want) || len(want) == 0 {
				t.Errorf("%s at %d: got %q, %v, want %q", id, width, got, err, want)
			}
		}
	}
}
