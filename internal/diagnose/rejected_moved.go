package diagnose

import (
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "redirected", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "The server redirects a valid handshake",
	Why: `Browsers do not follow a redirection of a WebSocket handshake, nor do most libraries: the
connection fails with code 1006. The client has to use the final URL from the start.`,
	Refs: append(mayReject(), rules.Ref{RFC: "6455", Section: "4.1", Text: "a client may follow a redirection, but need not"}),
	See: func(v *View) string {
		if v.Status() < 300 || v.Status() > 399 || v.Status() == 304 || !v.Valid() {
			return ""
		}
		if !v.Response.Has("Location") {
			return v.rejection()
		}
		return v.rejection() + " and " + v.got("Location")
	},
	Causes: []Cause{
		{Text: "The Location has two schemes: the proxy that redirects to https does not know ws", Certainty: rules.Certain, Mark: when((*View).twoSchemes, "two schemes in Location"),
			Fix: []Remedy{{"Traefik", "use wss:// in the client; entryPoints.web.http.redirections.entryPoint.scheme: https"}, {"", "use wss:// in the client"}}},
		{Text: "The server wants TLS", Certainty: rules.Certain, Mark: when((*View).toTLS, "the same URL with https"),
			Fix: []Remedy{{"", "use wss:// in the client"}, {"", "behind a proxy that terminates TLS: let the application believe X-Forwarded-Proto: https, and do not redirect requests that have it"}}},
		{Text: "The path lacks a slash at its end, or has one too many", Certainty: rules.Certain, Mark: when((*View).toSlash, "the same URL but for the slash"),
			Fix: []Remedy{{"", "use the path of the Location in the client"}, {"Go", `mux.Handle("/ws", ...) without the slash`}, {"FastAPI, Starlette", "redirect_slashes=False, and the path as the client has it"}}},
		{Text: "The server wants a login: the handshake has no valid session", Certainty: rules.Likely, Mark: when((*View).toLogin, "a login page in Location"),
			Fix: append(credentials(), Remedy{"", "answer handshakes with 401 in place of a redirection"})},
		{Text: "The service has another host name", Certainty: rules.Likely, Mark: when((*View).toOtherHost, "another host in Location"), Fix: advice("use that host in the ws:// URL")},
		{Text: "The WebSocket has another URL", Certainty: rules.Possible, Fix: advice("use the URL of the Location in the client, with ws:// or wss://")},
	},
})

// location is the raw Location, and its parts: the scheme with ://, the authority, and the rest.
// The first two are empty for a reference without them.
func (v *View) location() (scheme, authority, rest string) {
	whole, _ := v.Response.Value("Location")
	before, after, absolute := strings.Cut(whole, "://")
	if !absolute || strings.ContainsAny(before, "/?#") {
		return "", "", whole
	}
	i := strings.IndexAny(after, "/?#")
	if i < 0 {
		return before, after, "/"
	}
	return before, after[:i], after[i:]
}

// twoSchemes reports whether Location is like https://wss://chat.example/.
func (v *View) twoSchemes() bool {
	whole, _ := v.Response.Value("Location")
	whole, _, _ = strings.Cut(whole, "?")
	return strings.Count(whole, "://") > 1 && (contained([]byte(whole), "://ws:") || contained([]byte(whole), "://wss:"))
}

// sameHost reports whether Location leads to the host of the request, on whatever port.
func (v *View) sameHost() bool {
	_, authority, _ := v.location()
	host, _ := v.Request.Value("Host")
	return authority == "" || wire.EqualFold(withoutPort(authority), withoutPort(host))
}

func withoutPort(authority string) string {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.HasSuffix(authority, "]") {
		return authority
	}
	return authority[:i]
}

func (v *View) toTLS() bool {
	scheme, _, rest := v.location()
	return (wire.EqualFold(scheme, "https") || wire.EqualFold(scheme, "wss")) && !v.X.ClientTLS && v.sameHost() && rest == v.Request.Target
}

func (v *View) toSlash() bool {
	_, _, rest := v.location()
	to, _, _ := strings.Cut(rest, "?")
	from, _, _ := strings.Cut(v.Request.Target, "?")
	return v.sameHost() && to != from && strings.Trim(to, "/") == strings.Trim(from, "/")
}

func (v *View) toLogin() bool {
	_, _, rest := v.location()
	for _, word := range [...]string{"login", "signin", "sign-in", "sign_in", "oauth", "/auth", "/sso", "saml"} {
		if contained([]byte(rest), word) {
			return true
		}
	}
	return false
}

func (v *View) toOtherHost() bool { return !v.sameHost() }
