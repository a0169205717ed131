package rules

// Shown returns the bytes of a span of the request or the response head, fit to be shown: secret
// values are blanked out unless evidence is full. It is empty for a head that there is not.
func (r *Ruling) Shown(s Span) string {
	var head []byte
	switch {
	case s.Part == InRequest:
		head = r.options.requestHead(r.X.Request)
	case s.Part == InResponse && r.X.Response != nil:
		head = r.options.responseHead(r.X.Request, r.X.Response)
	}
	if s.From < 0 || s.To > len(head) || s.From > s.To {
		return ""
	}
	return string(head[s.From:s.To])
}
