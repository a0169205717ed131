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

// loginAround demands a login of every request except for the page at /.
func loginAround(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && !loggedIn(r) {
			no := &reply{http.StatusUnauthorized, http.Header{"Www-Authenticate": {`Basic realm="lab"`}}, "log in first\n"}
			no.write(w, r)
			return
		}
		site.ServeHTTP(w, r)
	})
}

// serveAdmin serves the pages, and one at /admin.
func serveAdmin(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/admin" {
		(&reply{status: http.StatusOK, text: "routes, locks\n"}).write(w, r)
		return
	}
	servePage(w, r)
}

// h2cBehindLogin demands a login of the request with the offer, and not of those in the tunnel.
func h2cBehindLogin() Backend {
	return Backend{
		Name: "h2c-behind-login", About: "demands a login at all paths but /, and not in h2c tunnels", Paths: []string{"/"},
		site: loginAround(h2cOf(http.HandlerFunc(serveAdmin))),
	}
}
