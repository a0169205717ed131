package report

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// nasty is what would do harm in one format or another.
const nasty = "</pre><script>alert(1)</script>]]>&amp;````\"'|\\x--><!--{{.}}[x](javascript:y)\x1b[31m\x1b]0;t\x07\xe2\x80\xae\xc2\x85\xff\xfe\x00\x7f"

// hostile are rulings in which everything that others choose is nasty.
func hostile(t testing.TB) (all []*rules.Ruling) {
	t.Helper()
	line := strings.NewReplacer(" ", "", "\r", "", "\n", "").Replace(nasty)
	head := "POST /" + line + " HTTP/1.1\r\nHost: " + nasty + "\r\nUpgrade: websocket\r\nX" + line + ": " + nasty + "\r\n\r\n"
	answer := "HTTP/1.1 101 " + nasty + "\r\nUpgrade: websocket\r\nContent-Type: " + nasty + "\r\n\r\n"
	for _, probe := range []string{"", nasty, "=cmd|' /C calc'!A0"} {
		x := &wire.Exchange{
			ID: nasty, Origin: wire.OriginProbe, Probe: probe, Route: nasty, Client: nasty, Backend: nasty, Altered: []string{nasty}, Lossy: []string{nasty},
			Request: wire.ReadRequest([]byte(head)), Response: wire.ReadResponse([]byte(answer)), Final: true, Complete: true, Outcome: wire.Switched,
			After: wire.After{Client: []byte(nasty), Server: []byte(nasty)},
		}
		r := rules.Classify(rules.Case{X: x})
		r.Run, r.Instance, r.Endpoint = nasty, nasty, rules.Template(x.Request.Target)
		for i := range r.Findings {
			r.Findings[i].Attribution, r.Findings[i].State, r.Findings[i].Related = nasty, nasty, []string{nasty}
		}
		all = append(all, r)
	}
	return all
}

// TestNothingHostileGetsThrough looks for what no report may have in it, whatever came over the
// wire.
func TestNothingHostileGetsThrough(t *testing.T) {
	all := hostile(t)
	if all[0].Verdict != rules.Fail {
		t.Fatal("nothing fails")
	}
	texts := map[string]string{}
	for _, f := range Formats() {
		if f.Open != nil && !f.Packets {
			texts[f.Name] = render(t, f.Name, Options{}, all)
		}
	}
	for name, text := range folder(t, t.TempDir(), all) {
		texts["wire "+name] = text
	}
	for name, text := range texts {
		if !utf8.ValidString(text) {
			t.Errorf("%s is no UTF-8", name)
		}
		for i, c := range text {
			if c != '\n' && !(c == '\t' && name == "wire "+indexName) && (unicode.Is(unicode.C, c) || c == '\ufffd') {
				t.Fatalf("%s has %q in it: %q", name, c, text[max(0, i-40):min(len(text), i+40)])
			}
		}
	}
	if page := strings.ToLower(texts["html"]); strings.Contains(page, "<script") || strings.Count(page, "</pre>") != strings.Count(page, "<pre>") {
		t.Error("html: what was on the wire is markup")
	}
	fenced := regexp.MustCompile("(?s)(?m)^ *(`{3,})sh\n.*?\n *(`{3,})$")
	plain := fenced.ReplaceAllString(texts["markdown"], "")
	plain = regexp.MustCompile("(?s)```` .*? ````").ReplaceAllString(plain, "")
	if strings.Contains(plain, "<") || regexp.MustCompile(`[^\\]\]\(`).MatchString(plain) {
		t.Errorf("markdown: what was on the wire is markup:\n%s", plain)
	}
	for _, row := range regexp.MustCompile(`(?m)^\|.*$`).FindAllString(texts["markdown"], -1) {
		if strings.Contains(row, "javascript") && len(regexp.MustCompile(`[^\\]\|`).FindAllString(row, -1)) != 5 {
			t.Errorf("markdown: a row has other cells: %s", row)
		}
	}
}

func TestMarkdownTextIsNoMarkup(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "`a`", "a`b": "`` a`b ``", "a|b": "`a\\|b`", "```": "```` ``` ````",
	} {
		if got := code(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got, want := fence("a````b", "sh"), "`````sh\na````b\n`````"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := escapeMarkdown("a_b <c> *d* & `e`"), "a\\_b &lt;c\\> \\*d\\* \\& \\`e\\`"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSecretsStayOut plants one secret in each place that has any, and looks for it in every
// report.
func TestSecretsStayOut(t *testing.T) {
	const secret = "CANARY"
	const interim = "HTTP/1.1 103 Early Hints\r\nSet-Cookie: s=" + secret + "\r\n\r\n"
	head := "POST /chat?token=" + secret + " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nAuthorization: Bearer " + secret + "\r\nCookie: s=" + secret +
		"\r\nSec-WebSocket-Protocol: chat, bearer." + secret + "\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\nConnection: Upgrade\r\n\r\n"
	x := &wire.Exchange{
		ID: "1", Origin: wire.OriginLive, Route: "default", Request: wire.ReadRequest([]byte(head)), Interim: []*wire.Response{wire.ReadResponse([]byte(interim))},
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: s=" + secret + "\r\n\r\n")),
		Final:    true, Complete: true, Outcome: wire.Switched,
		After: wire.After{Client: []byte("\x81\x86\x00\x00\x00\x00" + secret), Server: []byte("\x81\x06" + secret)},
	}
	r := rules.Classify(rules.Case{X: x})
	r.Endpoint = "/chat"
	texts := folder(t, t.TempDir(), []*rules.Ruling{r})
	for _, f := range Formats() {
		if f.Open != nil {
			texts[f.Name] = render(t, f.Name, Options{}, []*rules.Ruling{r})
		}
	}
	for name, text := range texts {
		if strings.Contains(text, secret) || strings.Contains(text, "Q0FOQVJZ") || strings.Contains(text, "NBTkFSW") || strings.Contains(text, "DQU5BUl") {
			t.Errorf("%s has the secret in it:\n%s", name, text)
		}
	}
	if len(texts) != len(Formats())+1 || !strings.Contains(texts["000001-fail-UPGRADE-POST.wire"], "103 Early Hints") {
		t.Errorf("got %d reports, %v", len(texts), texts)
	}
}
