//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	gorilla "github.com/gorilla/websocket"
)

// TestAnOpenTunnelIsShown opens a WebSocket, sends frames, and closes it, while its page and the list
// of open tunnels are open: both show what has passed until then, and the page shows how each side
// closed.
func TestAnOpenTunnelIsShown(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	b.open("/tunnels")
	b.until(`document.querySelector("#sum").innerText == "No tunnel is open now."`)
	conn, response, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws://"+s.listen+"/chat?room=1&token=CANARY", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	response.Body.Close()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	say := func(kind int, payload string) {
		t.Helper()
		if err := conn.WriteMessage(kind, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.ReadMessage(); err != nil || string(got) != payload {
			t.Fatalf("%q came back: %v", got, err)
		}
	}
	say(gorilla.TextMessage, "hello")
	say(gorilla.BinaryMessage, "\x00\x01")
	b.until(`document.querySelector("#rows").innerText.includes("2 frames, 19 B") && document.querySelector("#rows a.go")`)
	b.drawn("tunnels")
	b.follow("#rows a.go")
	b.until(`document.querySelector("#tunnel")?.innerText.includes("tunnel open for") && document.querySelector("#tunnel").innerText.includes("1 binary, 2 B")`)
	say(gorilla.TextMessage, "again")
	b.until(`document.querySelector("#tunnel").innerText.includes("2 text, 10 B")`)
	b.drawn("tunnel-open")
	if err := conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(4001, "bye")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadMessage(); !gorilla.IsCloseError(err, 4001) {
		t.Errorf("the server closes with %v", err)
	}
	conn.Close()
	b.until(`document.querySelector("#tunnel").innerText.includes("tunnel over after")`)
	for _, want := range []string{`first: 4001`, `reason "bye"`, `second, `} {
		b.until(fmt.Sprintf(`document.querySelector("#tunnel").innerText.includes(%q)`, want))
	}
	b.drawn("tunnel-over")
	b.open("/tunnels")
	b.until(`document.querySelector("#sum").innerText == "No tunnel is open now."`)
	if ask[bool](b, `document.body.innerHTML.includes("CANARY")`) {
		t.Error("a secret is on the page")
	}
	b.silent("tunnels")
}

// drawn saves pictures of the page, dark and light, wide and narrow, and checks that it fits the window and
// is accessible.
func (b *tab) drawn(name string) {
	b.t.Helper()
	for i := range 4 {
		width, theme := [...]int64{1400, 400}[i/2], [...]string{"light", "dark"}[i%2]
		b.theme(theme)
		b.do(chromedp.EmulateViewport(width, 1000))
		if wide := ask[int64](b, "document.documentElement.scrollWidth"); wide > width {
			b.t.Errorf("%s: the page is %d px wide because of %s", name, wide, ask[string](b, widest))
		}
		if narrow := ask[string](b, squeezed); narrow != "" {
			b.t.Errorf("%s at %d px: columns with room for hardly a letter: %s", name, width, narrow)
		}
		b.accessible(name)
		b.picture(fmt.Sprintf("%s-%s-%d", name, theme, width))
	}
}
