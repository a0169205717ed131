package lab

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// originFaults returns the ways in which servers compare Origin badly, each a fault of its own.
func originFaults() []fault {
	return []fault{
		{name: "origin-suffix", about: "accepts an origin that ends with the own host", answer: comparing(strings.HasSuffix)},
		{name: "origin-prefix", about: "accepts an origin that begins like the own one", answer: comparing(beginsLike)},
		{name: "origin-contains", about: "accepts an origin that contains the own host", answer: comparing(strings.Contains)},
		{name: "origin-dot", about: "looks for the own host in Origin with a regular expression whose dots match anything", answer: comparing(matchesAnyDot)},
		{name: "origin-subdomain", about: "accepts pages of sub-domains", answer: comparingHosts(func(page, own string) bool { return strings.HasSuffix(page, "."+own) })},
		{name: "origin-superdomain", about: "accepts pages of parent domains", answer: comparingHosts(func(page, own string) bool { return strings.HasSuffix(own, "."+page) })},
		{name: "origin-any-port", about: "accepts pages of other ports", answer: comparingHosts(func(page, own string) bool { return portless(page) == portless(own) })},
		{name: "origin-final-dot", about: "drops the dot at the end of the host in Origin", answer: comparingHosts(func(page, own string) bool { return strings.Replace(page, ".:", ":", 1) == own })},
		{name: "origin-null", about: "accepts the origin null", answer: comparing(func(origin, _ string) bool { return origin == "null" })},
		{name: "origin-local", about: "accepts pages of localhost and of loopback addresses", answer: comparingHosts(isLocal)},
		{name: "origin-unparsed", about: "checks an Origin only if it begins with http", answer: comparing(func(origin, _ string) bool { return !strings.HasPrefix(origin, "http") })},
		{name: "origin-first", about: "checks the first of several origins", answer: firstOrigin},
		{name: "origin-needed", about: "fails on a handshake without Origin", answer: needingOrigin},
	}
}

// comparing answers handshakes correctly, and accepts other origins too if the function says so of
// Origin and the own Host.
func comparing(accepts func(origin, host string) bool) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, checkOrigin); no != nil {
			return p.reply(r, no)
		}
		origins := r.Header["Origin"]
		if len(origins) == 1 && accepts(origins[0], r.Host) {
			return p.switchTo(soundSwitch(r))
		}
		return leavingOut(0)(p, r)
	}
}

// comparingHosts is comparing with the host and port of Origin.
func comparingHosts(accepts func(page, own string) bool) answer {
	return comparing(func(origin, host string) bool {
		u, err := url.Parse(origin)
		return err == nil && u.Scheme == "http" && u.User == nil && accepts(u.Host, host)
	})
}

func beginsLike(origin, host string) bool {
	return strings.HasPrefix(origin, "http://"+portless(host))
}

func matchesAnyDot(origin, host string) bool {
	matched, err := regexp.MatchString("^http://"+host+"$", origin)
	return matched && err == nil
}

// isLocal reports whether a page comes from the user's machine, from a port without a number.
func isLocal(page, _ string) bool {
	return page == "localhost" || page == "127.0.0.1" || page == "[::1]"
}

func portless(host string) string {
	host, _, _ = strings.Cut(host, ":")
	return host
}

// firstOrigin checks the first origin of all Origin headers.
func firstOrigin(p *peer, r *http.Request) bool {
	if origins := r.Header["Origin"]; len(origins) > 0 {
		first, _, _ := strings.Cut(origins[0], ",")
		r.Header["Origin"] = []string{first}
	}
	return leavingOut(0)(p, r)
}

// needingOrigin accepts valid handshakes with an Origin, and has an exception without one.
func needingOrigin(p *peer, r *http.Request) bool {
	if refuse(r, 0) == nil && len(r.Header["Origin"]) == 0 {
		return p.reply(r, &reply{status: http.StatusInternalServerError, text: "exception\n"})
	}
	return leavingOut(0)(p, r)
}
