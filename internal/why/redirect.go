package why

import (
	"net/url"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// redirected notes where a redirect leads. It is not followed.
func (w *walker) redirected(a *attempt) {
	if a.status()/100 != 3 {
		return
	}
	for v := range a.x.Response.Values("Location") {
		where := string(a.x.Response.Text(v))
		shown := w.location(where)
		if shown == "" {
			w.note("The server redirects to %s, which is not a URL of HTTP", rules.Quote(printed.Cut(where, 80)))
			return
		}
		w.note("The server redirects to %s. Browsers and most libraries do not follow a redirect of a handshake. Next: interlock why %s", shown, shown)
		return
	}
}

// location is the address of a WebSocket that a Location leads to, without secrets; empty if it is
// none.
func (w *walker) location(text string) string {
	base := url.URL{Scheme: w.target.Scheme, Host: w.target.Host, Path: "/"}
	base.Path, _, _ = strings.Cut(w.target.Path, "?")
	u, err := base.Parse(text)
	if err != nil || u.Host == "" {
		return ""
	}
	scheme := map[string]string{"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}[u.Scheme]
	if scheme == "" {
		return ""
	}
	return scheme + "://" + printed.Escaped(u.Host+rules.Redaction{}.Target(u.RequestURI()), 200)
}
