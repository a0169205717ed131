package lab

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// The values that the gates require.
const (
	maxTickets  = 10_000 // number of different tickets
	maxRequests = 30     // of all clients together
)

// gatedBackends are correct, but reject some valid handshakes.
func gatedBackends() []Backend {
	gated := func(name, about string, gate answer) Backend {
		return Backend{
			Name: name, About: about, Sound: true, Paths: []string{"/chat", "/echo"},
			routes: map[string]answer{"/chat": gate, "/echo": gate},
		}
	}
	login := gated("login", "demands a login of every request, with an offer or without", behindLogin(never))
	login.Paths = append(login.Paths, "/admin")
	login.routes["/admin"] = behindLogin(never)
	return []Backend{
		login,
		gated("ticket", "accepts one handshake for each value of Authorization, and one without", takeTickets()),
		gated("limit", "answers 429 from the 31st request on", limitRequests()),
		gated("forbidding", "accepts handshakes with an Origin only, its own", wanting("Origin")),
		{
			Name: "fixed-upstream", About: "answers 421 to an absolute target of another host, and 405 to CONNECT", Sound: true, Paths: []string{"/chat", "/echo"}, other: fixedUpstream,
		},
		{
			Name: "h2c-before-login", About: "switches to h2c at /, and demands a login of each other request in the tunnel too", Sound: true,
			Paths: []string{"/"}, site: h2cOf(loginAround(http.HandlerFunc(serveAdmin))),
		},
		gated("subprotocol", "accepts handshakes with a subprotocol only, and chooses the first", wanting("Sec-WebSocket-Protocol")),
	}
}

// takeTickets accepts a valid handshake whose ticket was not used before.
func takeTickets() answer {
	var mu sync.Mutex
	used := make(map[string]bool)
	return func(p *peer, r *http.Request) bool {
		if refuse(r, 0) != nil {
			return leavingOut(0)(p, r)
		}
		ticket := r.Header.Get("Authorization")
		mu.Lock()
		valid := !used[ticket] && len(used) < maxTickets
		if valid {
			used[ticket] = true
		}
		mu.Unlock()
		if !valid {
			return p.reply(r, &reply{status: http.StatusForbidden, text: "that ticket was used\n"})
		}
		return p.switchTo(soundSwitch(r))
	}
}

// limitRequests answers a limited number of requests correctly, and later ones not at all.
func limitRequests() answer {
	var requests atomic.Int64
	return func(p *peer, r *http.Request) bool {
		if requests.Add(1) > maxRequests {
			return p.reply(r, &reply{http.StatusTooManyRequests, http.Header{"Retry-After": {"3600"}}, "too many requests\n"})
		}
		return leavingOut(0)(p, r)
	}
}

// wanting accepts valid handshakes that have the header, and agrees to the first subprotocol.
func wanting(field string) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, 0); no != nil {
			return p.reply(r, no)
		}
		if r.Header.Get(field) == "" {
			return p.reply(r, &reply{status: http.StatusForbidden, text: "there is no " + field + "\n"})
		}
		return p.switchTo(adding(chooseFirst)(r))
	}
}

// chooseFirst agrees to the first subprotocol offered.
func chooseFirst(r *http.Request) string {
	offered := strings.Split(r.Header.Get("Sec-WebSocket-Protocol"), ",")
	i := slices.IndexFunc(offered, func(s string) bool { return strings.Trim(s, " \t") != "" })
	if i < 0 {
		return ""
	}
	return "Sec-WebSocket-Protocol: " + strings.Trim(offered[i], " \t")
}
