package lab

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// The header in which the login proxy of these backends names the user, and that user.
const (
	userField = "X-Forwarded-User"
	user      = "alice"
)

// identityFaults returns the ways around a login proxy that names its user to an application. Both
// are in one backend here: the 101 shows what the application would read.
func identityFaults() []fault {
	return []fault{
		{name: "identity-underscore", about: "names the user in a header, and takes X_Forwarded_User for that", answer: login(underscored)},
		{name: "identity-nominate", about: "names the user in a header, and removes it if Connection lists it", answer: login(nominated)},
		{name: "identity-twice", about: "names the user in a header, in place of the first one only", answer: login(second)},
	}
}

// identityBackends are the correct ones: the same proxy, and an application without one.
func identityBackends() []Backend {
	with := func(name, about string, reads func(*http.Request) (string, bool)) Backend {
		return Backend{
			Name: name, About: about, Sound: true, Paths: []string{"/chat", "/echo"},
			routes: map[string]answer{"/chat": login(reads), "/echo": login(reads)},
		}
	}
	return []Backend{
		with("identity", "names the user in a header, in place of all that a client sends", alone),
		with("identity-direct", "shows the user that the client names, with no proxy in front", claimedUser),
	}
}

// login accepts valid handshakes, and tells which user reads found in the request. It is given what
// the client sent and reports whether that differs from the user that the proxy names.
func login(reads func(*http.Request) (string, bool)) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, 0); no != nil {
			return p.reply(r, no)
		}
		name, differs := reads(r)
		if !differs {
			name = user
		}
		seen := "X-Seen: nobody"
		if name != "" {
			seen = "X-Seen: " + userField + " is " + name
		}
		return p.switchTo(adding(func(*http.Request) string { return seen })(r))
	}
}

// underscored returns what the client sent under a name with underscores.
func underscored(r *http.Request) (string, bool) {
	for name, values := range r.Header {
		if lower(strings.ReplaceAll(name, "_", "-")) == lower(userField) && strings.Contains(name, "_") {
			return values[0], true
		}
	}
	return "", false
}

// nominated returns nothing if the client's Connection lists the header.
func nominated(r *http.Request) (string, bool) {
	return "", httpguts.HeaderValuesContainsToken(r.Header["Connection"], userField)
}

// second returns the second value that the client sent.
func second(r *http.Request) (string, bool) {
	if values := r.Header[userField]; len(values) > 1 {
		return values[1], true
	}
	return "", false
}

// alone leaves the user that the proxy names.
func alone(*http.Request) (string, bool) { return "", false }

// claimedUser returns what the client sent, as an application without a login proxy in front does.
func claimedUser(r *http.Request) (string, bool) { return r.Header.Get(userField), true }
