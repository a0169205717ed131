package report

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Stream hands rulings on to all writers of a run, and counts them.
type Stream struct {
	Writers []Writer
	Gate    *rules.Gate // which findings make the run fail; nil: they are not counted
	Summary Summary

	failed    []error             // of each writer, the first error; nil where none is
	endpoints map[endpoint]asked  // what is known of each
	counted   map[string]struct{} // findings that are in a count, by its name and their fingerprint
}

// An endpoint is a route and a template.
type endpoint struct{ route, template string }

// asked is what is known of an endpoint, in ascending order.
type asked uint8

const (
	unasked asked = iota // no upgrade was offered
	kept                 // one was, and the server did not switch
	switched
)

// maxTold is the number of endpoints, and of findings with a state, that are distinguished.
const maxTold = 100_000

// standing returns the verdict that an exchange counts as: the worst of its findings that are not
// accepted. Accepted reports whether only accepted findings keep it from passing.
func standing(r *rules.Ruling) (v rules.Verdict, accepted bool) {
	v = rules.NotApplicable
	for i := range r.Findings {
		switch f := &r.Findings[i]; {
		case f.State != rules.StateAccepted || f.Verdict >= rules.Pass:
			v = min(v, f.Verdict)
		default:
			accepted = true
		}
	}
	if !accepted {
		return r.Verdict, false
	}
	return v, v >= rules.Pass
}

// Write passes a ruling to all writers. A writer that has failed gets no more; Close returns its
// error.
func (s *Stream) Write(r *rules.Ruling) {
	if v, accepted := standing(r); accepted {
		s.Summary.Accepted++
	} else {
		s.Summary.Verdicts[v]++
	}
	if r.Unsafe {
		s.Summary.Unsafe++
	}
	if r.X.Probe != "" {
		s.Summary.Probed = true
	}
	s.Summary.hops.enter(r)
	s.countStates(r)
	s.cover(r)
	s.each(func(w Writer) error { return w.Write(r) })
}

// Preview passes a ruling that will come again to the writers that show such ones. It is not counted.
func (s *Stream) Preview(r *rules.Ruling) {
	s.each(func(w Writer) error {
		if p, ok := w.(Previewer); ok {
			return p.Preview(r)
		}
		return nil
	})
}

// countStates counts the findings of the ruling that are new or fixed, each once.
func (s *Stream) countStates(r *rules.Ruling) {
	for i := range r.Findings {
		f := &r.Findings[i]
		s.Summary.Found.enter(f, s.Gate)
		var count *int64
		var name string
		switch {
		case (f.State == rules.StateNew || f.State == rules.StateReproduced) && f.Verdict == rules.Fail:
			count, name = &s.Summary.New, rules.StateNew
		case f.State == rules.StateFixed:
			count, name = &s.Summary.Fixed, rules.StateFixed
		default:
			continue
		}
		name += r.Fingerprint(f)
		if _, known := s.counted[name]; known {
			continue
		}
		if s.counted == nil {
			s.counted = map[string]struct{}{}
		}
		if len(s.counted) < maxTold {
			s.counted[name] = struct{}{}
		}
		*count++
	}
}

// cover records what the exchange shows about its endpoint.
func (s *Stream) cover(r *rules.Ruling) {
	if s.endpoints == nil {
		s.endpoints = map[endpoint]asked{}
	}
	e := endpoint{r.X.Route, r.Endpoint}
	was, known := s.endpoints[e]
	if !known && len(s.endpoints) == maxTold {
		s.Summary.Coverage.More = true
		return
	}
	is := unasked
	switch {
	case r.X.Outcome == wire.Switched:
		is = switched
	case r.X.Outcome != wire.Local && len(r.X.Request.Protocols()) > 0:
		is = kept
	}
	s.endpoints[e] = max(was, is)
}

// Switched records that an endpoint has switched in an exchange that is not written, such as a control.
func (s *Stream) Switched(route, template string) {
	e := endpoint{route, template}
	if _, known := s.endpoints[e]; known {
		s.endpoints[e] = switched
	}
}

func (s *Stream) each(f func(Writer) error) {
	if s.failed == nil {
		s.failed = make([]error, len(s.Writers))
	}
	for i, w := range s.Writers {
		if s.failed[i] == nil {
			s.failed[i] = f(w)
		}
	}
}

// Close ends all reports. It returns the error of each writer, in their order; nil where there was
// none.
func (s *Stream) Close() []error {
	c := &s.Summary.Coverage
	c.Switched, c.Kept, c.Unasked = 0, 0, 0
	for _, is := range s.endpoints {
		switch is {
		case switched:
			c.Switched++
		case kept:
			c.Kept++
		case unasked:
			c.Unasked++
		}
	}
	s.each(func(w Writer) error { return w.Close(&s.Summary) })
	return s.failed
}
