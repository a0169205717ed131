package lab

import (
	"net/http"
	"strings"
)

// loginCookie is the session that the backends with a login accept.
const loginCookie = "session=lab"

// loggedIn reports whether a request has the session.
func loggedIn(r *http.Request) bool {
	return strings.Contains("; "+strings.Join(r.Header["Cookie"], "; ")+";", "; "+loginCookie+";")
}

// demandLogin answers a request without the session.
func demandLogin(p *peer, r *http.Request) bool {
	return p.reply(r, &reply{http.StatusUnauthorized, http.Header{"Www-Authenticate": {`Basic realm="lab"`}}, "log in first\n"})
}

// behindLogin answers handshakes correctly, and serves a page at /admin. Both need a login, unless
// open says that the request needs none.
func behindLogin(open func(*http.Request) bool) answer {
	return func(p *peer, r *http.Request) bool {
		switch {
		case !loggedIn(r) && !open(r):
			return demandLogin(p, r)
		case r.URL.Path == "/admin":
			return p.reply(r, &reply{status: http.StatusOK, text: "routes, locks\n"})
		}
		return leavingOut(0)(p, r)
	}
}

func never(*http.Request) bool { return false }

// offersAtChat reports whether a request has an offer and is not for one of the paths where the
// login sees it.
func offersAtChat(r *http.Request) bool {
	return hasOffer(r) && r.URL.Path != "/admin" && r.URL.Path != "/echo"
}

func hasOffer(r *http.Request) bool { return len(r.Header["Upgrade"]) > 0 }
