package wire

// lostOffer reports whether a refused request looks like an offer whose Upgrade field was taken off on its way here: the
// option is still there (RFC 9110 §7.6.1). Proxies that set the option in every request are common; so refusals that have
// nothing to do with it do not count.
func (r *ring) lostOffer(q *pending, status int) bool {
	switch {
	case status < 400 || status > 499:
		return false
	case status == 401, status == 403, status == 404, status == 407, status == 429:
		return false
	}
	return ReadRequest(r.raw(q)).HasOption("upgrade")
}
