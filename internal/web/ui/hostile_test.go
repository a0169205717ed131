package ui

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/interlock-proxy/interlock/wire"
)

// breakouts are what content tries: to end what it stands in, to begin an element, an attribute, a script, an address, a style,
// a line of events, and to hide.
func breakouts() []string {
	return []string{
		`"><evil-element onmouseover=evil()>`, `'><script>evil()</script>`, `</td></table></main><evil-element>`, `</script><script>evil()</script>`, `</title><evil-element>`,
		`</pre></textarea></select><img src=//evil.example/x onerror=evil()>`, `" autofocus onfocus="evil()`, `javascript:evil()`, `--><evil-element><!--`, `]]><evil-element>`,
		`{{.Evil}}`, "\r\n\r\nevent: evil\r\ndata: {}\r\n\r\n", `\u003cevil-element\u003e`, `";evil();//`, `&lt;evil-element&gt;&#x3c;evil-element&#x3e;`, "<svg/onload=evil()>",
		"\x00\x01\x1b[31m\x7f", "\u202eevil\u2066", "\xff\xfe\xc3(", "\u200b\ufeff\u2028", "//evil.example/", `<base href="//evil.example/">`, "`-evil()-`", `%3Cevil-element%3E`, `?token=x&x="><evil-element>`,
	}
}

// hostile are exchanges of which every field is one of these.
func hostile() (all []*wire.Exchange) {
	for i, evil := range breakouts() {
		line := strings.NewReplacer("\r", "", "\n", "").Replace(evil)
		target := strings.ReplaceAll(line, " ", "+")
		request := "GET /" + target + " HTTP/1.1\r\nHost: " + line + "\r\nConnection: Upgrade, " + line + "\r\nUpgrade: websocket, " + line + "\r\n" + line + ": " + line +
			"\r\nOrigin: " + line + "\r\nSec-WebSocket-Protocol: " + line + "\r\nSec-WebSocket-Extensions: " + line + "\r\nSec-WebSocket-Key: " + line + "\r\nSec-WebSocket-Version: " + line + "\r\n\r\n"
		response := "HTTP/1.1 101 " + line + "\r\nUpgrade: " + line + "\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: " + line + "\r\nServer: " + line + "\r\n" + line + "\r\n\r\n"
		interim := "HTTP/1.1 103 " + line + "\r\nLink: " + line + "\r\n\r\n"
		x := &wire.Exchange{
			ID: fmt.Sprintf("01JEVIL%019d", i), Origin: wire.OriginLive, Route: evil, Client: evil, Backend: evil, Altered: []string{evil}, Lossy: []string{evil}, Elsewhere: evil,
			Time: time.Now(), Took: time.Millisecond, Request: wire.ReadRequest([]byte(request)), Interim: []*wire.Response{wire.ReadResponse([]byte(interim))},
			Response: wire.ReadResponse([]byte(response)), Outcome: wire.Switched, Cause: wire.Cause(evil), Final: true, Complete: true,
			After: wire.After{Client: []byte(evil), Server: []byte(evil), ClientBytes: 9, ServerBytes: 9, Ended: true},
		}
		odd := *x
		odd.ID, odd.Origin, odd.Outcome, odd.Probe, odd.Response = evil, wire.OriginProbe, wire.Outcome(evil), evil, nil
		all = append(all, x, &odd)
	}
	return all
}

// TestContentStaysContent holds that on no screen an element, an attribute or an address comes from what was on the wire, and
// that nothing on it is invisible or turns the direction of writing.
func TestContentStaysContent(t *testing.T) {
	f := fill(t, hostile(), "01JRUN")
	paths := f.screens()
	for _, evil := range breakouts() {
		q := url.QueryEscape(evil)
		paths = append(paths, "/exchanges?q="+q, "/exchanges?older=1."+q, "/findings?endpoint="+q+"&state="+q+"&verdict="+q, "/rules?q="+q, "/rules/"+url.PathEscape(evil), "/compare?a="+q+"&b="+q,
			"/probes/"+url.PathEscape(evil), "/replay?id="+q, "/exchanges?sort="+q, "/findings?severity="+q+"&by="+q, "/exchanges/01JEVIL0000000000000000000?q="+q, "/probes?endpoint="+q, "/?range="+q, "/accept?rule="+q+"&endpoint="+q+"&reason="+q+"&fingerprint="+q+"&until="+q, "/exchanges/"+url.PathEscape(evil), "/exchanges/01JEVIL0000000000000000000?view="+q)
	}
	for _, path := range paths {
		_, page := f.get(t, path)
		inspect(t, path, page)
	}
	form := url.Values{}
	for _, name := range []string{"rule", "endpoint", "probe", "reason", "until", "fingerprint"} {
		form.Set(name, breakouts()[0])
	}
	inspect(t, "POST /accept", f.post(t, "/accept", form).Body.String())
}

// TestContentShows holds that what is hostile can be read all the same.
func TestContentShows(t *testing.T) {
	f := fill(t, hostile(), "01JRUN")
	_, page := f.get(t, "/exchanges")
	for _, want := range []string{`&#34;&gt;&lt;evil-element&#43;onmouseover`, `\x1b`, `\xe2\x80\xae`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
}

// inspect reads a page as browsers do.
func inspect(t *testing.T, path, page string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			visible(t, path, z.Token().Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if !slices.Contains(elements(), token.Data) {
				t.Fatalf("%s: element %s", path, token)
			}
			for _, a := range token.Attr {
				own(t, path, token.Data, a)
			}
		}
	}
}

// visible holds that all of a text can be seen, and nothing of it does anything to what stands around it.
func visible(t *testing.T, path, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029') {
			t.Fatalf("%s: %U in %q", path, r, text[max(0, i-80):min(len(text), i+80)])
		}
	}
}

// own holds that an attribute is one that templates have, with a value that it may have.
func own(t *testing.T, path, element string, a html.Attribute) {
	t.Helper()
	if !slices.Contains(attributes(), a.Key) && !strings.HasPrefix(a.Key, "aria-") && !strings.HasPrefix(a.Key, "data-") {
		t.Fatalf("%s: attribute %s=%q of %s", path, a.Key, a.Val, element)
	}
	if a.Key != "value" { // that is what a form sends back
		visible(t, path, a.Val)
	}
	switch a.Key {
	case "href", "src", "action":
		if u, err := url.Parse(a.Val); err != nil || u.Scheme != "" || u.Host != "" || strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, `/\`) {
			t.Fatalf("%s: %s leads to %q: %v", path, element, a.Val, err)
		}
	case "class", "id":
		if strings.ContainsAny(a.Val, `<>"'&`) && !strings.HasPrefix(a.Val, "x-") {
			t.Fatalf("%s: %s=%q of %s", path, a.Key, a.Val, element)
		}
	}
}

// elements are those that templates have.
func elements() []string {
	return strings.Fields(`html head meta title link script body a header svg path circle rect g nav ul li div p span main dialog h1 h2 h3 dl dt dd kbd form button input label select option
		table caption thead tbody tr th td time b br details summary section article figure figcaption pre mark ol progress`)
}

// attributes are those that templates have, beside aria- and data-.
func attributes() []string {
	return strings.Fields(`lang charset name content rel href type src class viewbox width height d cx cy r x y rx fill preserveaspectratio role id tabindex method action value for placeholder
		autocomplete autocapitalize spellcheck hidden scope colspan datetime title open required checked selected max disabled`)
}
