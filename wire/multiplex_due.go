package wire

import "time"

// plan finds out when something is due.
func (m *multiplex) plan() {
	m.due = m.on.due()
	for _, s := range m.streams {
		m.due = earlier(m.due, s.next())
	}
}

// next is when something is due; the zero time if never.
func (m *multiplex) next() time.Time {
	if m == nil {
		return time.Time{}
	}
	return m.due
}

// tick reports what is due.
func (m *multiplex) tick(now time.Time) {
	if m == nil || m.due.IsZero() || now.Before(m.due) {
		return
	}
	m.on.tick(now)
	for _, id := range m.ids() {
		m.streams[id].tick(now)
	}
	m.plan()
}
