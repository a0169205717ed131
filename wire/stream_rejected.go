package wire

import "time"

// rejected takes that the request was not accepted. The stream of an extended CONNECT goes on: the server
// sends the rest of the response and may reset the stream, and the client may send what belongs into a
// tunnel. It is reported at its end, or soon after that of the response.
func (s *stream) rejected(ends bool, now time.Time) {
	if s.x.extended() && !(ends && s.what().Client.End != "") {
		s.since = now
		s.suspects(now)
		return
	}
	s.watch(now)
	s.report()
}

// report reports an exchange without a tunnel for the last time, unless the end of the connection may belong
// to it.
func (s *stream) report() {
	s.emit(s.x)
	s.watched(s.x)
	s.x, s.over = nil, true
}

// awaitsHead reports whether a final response is to come.
func (s *stream) awaitsHead() bool { return s.x != nil && s.x.Response == nil }

// answered reports whether the request was rejected, and that is still to be reported.
func (s *stream) answered() bool { return s.x != nil && s.x.Response != nil }

// relieve reports the streams whose request was rejected, and forgets them.
func (m *multiplex) relieve() {
	for _, id := range m.ids() {
		if s := m.streams[id]; s.answered() {
			s.report()
			m.leave(s, id)
		}
	}
}
