package rules

// Head returns a copy of the request's or the response's head, fit to be shown: secret values are
// overwritten by asterisks, byte for byte, unless evidence is full. It is nil for a response that
// there is not.
func (r *Ruling) Head(p Part) []byte {
	switch {
	case p == InRequest:
		return r.options.requestOf(r.X)
	case p == InResponse && r.X.Response != nil:
		return r.options.responseOf(r.X, r.X.Response)
	}
	return nil
}
