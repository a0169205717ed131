package wire

// lostOffer reports whether a refused request looks like an offer whose Upgrade header was removed
// on the way: the option is still there (RFC 9110 §7.6.1). Many proxies set the option on every
// request, so refusals for other reasons do not count.
func (r *ring) lostOffer(q *pending, status int) bool {
	switch {
	case status < 400 || status > 499:
		return false
	case status == 401, status == 403, status == 404, status == 407, status == 429:
		return false
	}
	return ReadRequest(r.raw(q)).HasOption("upgrade")
}
