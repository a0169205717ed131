//go:build e2e

package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	gorilla "github.com/gorilla/websocket"
)

// unnamed lists tables without a caption or a heading of their own, and links and buttons that are read aloud as
// nothing.
const unnamed = `[...document.querySelectorAll("main table")].filter(e => !e.caption && !e.closest("[aria-labelledby],[aria-label]"))
	.concat([...document.querySelectorAll("main a, main button")].filter(e => !e.textContent.trim() && !e.ariaLabel)).map(e => e.outerHTML.slice(0, 120)).join("\n")`

// TestStreamsAndConnectionsAreShown has a client in HTTP/1.1 and one in HTTP/2 behind one gateway. The lists
// tell them apart, the page of a stream has its frames, and that of its connection the settings and all
// streams about upgrades. From the list of exchanges the filters for them can be found.
func TestStreamsAndConnectionsAreShown(t *testing.T) {
	t.Parallel()
	p := serve(t, nghttpx(t, h2Backend(t, false), tlsPair{}))
	b := browser(t, p.admin)
	plain, response, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws://"+p.listen+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	response.Body.Close()
	c := talkH2(t, p.listen, false)
	open, over := c.ask(false, connectLines(p.listen, "/chat", "cookie", "session=CANARY")), c.ask(false, connectLines(p.listen, "/chat?room=2"))
	refused := c.ask(false, connectLines(p.listen, "/nope"))
	c.ask(true, getLines(p.listen, "/items"))
	if !c.reads(patience, func() bool {
		return c.streams[open].heads > 0 && c.streams[over].heads > 0 && c.streams[refused].heads > 0
	}) {
		t.Fatalf("the connection ended: %s", c.ended)
	}
	if err := c.echoesIn(over); err != nil {
		t.Fatal(err)
	}
	c.data(open, false, helloFrame)
	c.reads(patience, func() bool { return string(c.streams[open].data) == helloBack })
	keptTunnel(t, p, p.exchange(t, "/chat?room=2").Exchange)

	b.open("/tunnels")
	b.until(`document.querySelectorAll("#rows tr").length == 2 && document.querySelector("#rows").innerText.includes("1 frame, 11 B")`)
	b.until(`document.querySelectorAll("#rows .tag").length == 1 && document.querySelector("#rows .tag").innerText == "HTTP/2, stream 1"`)
	b.drawn("h2-tunnels")
	b.open("/exchanges")
	b.until(`document.querySelectorAll("#rows tr").length == 4 && document.querySelectorAll("#rows .proto .tag").length == 3`)
	b.drawn("h2-exchanges")
	b.click(".keys-of summary")
	b.until(`document.querySelector(".keys-of").innerText.includes("connection:*")`)
	b.drawn("h2-filters")
	b.follow(`.keys-of a[href="/exchanges?q=version%3a2"]`)
	b.until(`document.querySelectorAll("#rows tr").length == 3 && document.querySelector(".chips a[aria-current]").innerText == "HTTP/2"`)
	b.follow("#rows tr:last-child a.go")
	b.until(`document.querySelector("#tunnel")?.innerText.includes("1 text, 5 B") && document.body.innerText.includes(":protocol: websocket")`)
	b.drawn("h2-stream")
	b.follow(`.under a[href^="/connections/"]`)
	b.until(`document.querySelectorAll("#rows tr").length == 3 && document.querySelector("#settings").innerText.includes("ENABLE_CONNECT_PROTOCOL")`)
	b.drawn("h2-connection")
	if bare := ask[string](b, unnamed); bare != "" {
		t.Errorf("tables without a caption, or links and buttons without a name: %s", bare)
	}
	b.keys("jj" + kb.Enter)
	b.until(`document.querySelector("#tunnel")?.innerText.includes("first: 1000")`)
	if bare := ask[string](b, unnamed); bare != "" {
		t.Errorf("tables without a caption, or links and buttons without a name: %s", bare)
	}
	b.drawn("h2-stream-over")
	b.open("/exchanges?q=status:404")
	b.follow("#rows a.go")
	b.drawn("h2-refused")
	b.open("/findings")
	b.drawn("h2-findings")
	b.open("/glossary")
	b.drawn("h2-glossary")
	if ask[bool](b, `fetch("/exchanges?q=").then(r => r.text()).then(t => t.includes("CANARY"))`) {
		t.Error("a secret is on a page")
	}
	b.silent("pages of HTTP/2")
}
