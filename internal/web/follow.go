package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// followRun streams the events of a run from the one after Last-Event-ID, and ends with the run.
func (s *Server) followRun(w http.ResponseWriter, q *http.Request) {
	r := s.runs.find(q.PathValue("run"))
	if r == nil {
		refuse(w, http.StatusNotFound, "there is no such run")
		return
	}
	next, err := strconv.Atoi(q.Header.Get("Last-Event-ID"))
	if next++; err != nil || next < 0 {
		next = 0
	}
	to := newStream(w)
	if to == nil {
		return
	}
	for {
		s.runs.mu.Lock()
		events, grown, over := r.events[min(next, len(r.events)):], r.grown, r.State != running
		s.runs.mu.Unlock()
		if to.ready() != nil {
			return
		}
		for _, e := range events {
			if e.text != nil && to.send(strconv.Itoa(next), e.name, e.text) != nil {
				return
			}
			next++
		}
		if to.to.Flush() != nil || over {
			return
		}
		select {
		case <-grown:
		case <-q.Context().Done():
			return
		case <-time.After(quiet):
			if to.ready() != nil || to.alive() != nil {
				return
			}
		}
	}
}

// How often a stream checks whether the status has changed, and whether open tunnels have carried
// more.
const (
	statusEvery = 5 * time.Second
	lookEvery   = time.Second
)

// followEvents streams events until the caller disconnects, from the one after Last-Event-ID if it
// is still kept. A caller that reads too slowly gets a gap, and delays nobody.
func (s *Server) followEvents(w http.ResponseWriter, q *http.Request) {
	r, missed := s.events.join(q.Header.Get("Last-Event-ID"))
	if r == nil {
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, "there are too many who follow the events")
		return
	}
	defer s.events.leave(r)
	f := following{server: s, reader: r, stream: newStream(w), watch: s.watchOf(q)}
	if f.stream == nil || missed && f.gap(r.next, 0) != nil || f.status() != nil {
		return
	}
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	var look <-chan time.Time // nil: tunnels are not followed
	if f.watch != nil {
		looking := time.NewTicker(lookEvery)
		defer looking.Stop()
		look = looking.C
	}
	for f.catchUp(q) == nil && f.stream.to.Flush() == nil {
		select {
		case <-q.Context().Done():
			return
		case <-r.wake:
		case <-look:
			if f.tunnels() != nil {
				return
			}
		case <-ticker.C:
			if f.status() != nil || f.stream.alive() != nil {
				return
			}
		}
	}
}

// following is one open stream of events.
type following struct {
	server *Server
	reader *reader
	stream *stream
	watch  *watch // nil: tunnels are not followed
	said   []byte // the last status
}

// tunnels says what open tunnels have carried, unless that was said.
func (f *following) tunnels() error {
	text := f.watch.look(f.server)
	if text == nil {
		return nil
	}
	if err := f.stream.ready(); err != nil {
		return err
	}
	return f.stream.send("", f.watch.name, text)
}

// catchUp sends all waiting events, a batch at a time.
func (f *following) catchUp(q *http.Request) error {
	for {
		if err := f.stream.ready(); err != nil {
			return err
		}
		all, from, missed, more := f.server.events.take(f.reader)
		if missed > 0 {
			if err := f.gap(from, missed); err != nil {
				return err
			}
		}
		for i, e := range all {
			if err := f.stream.send(f.server.events.id(from+uint64(i)), e.name, e.text); err != nil {
				return err
			}
		}
		if len(all) == 0 {
			return nil
		}
		if err := f.stream.to.Flush(); err != nil {
			return err
		}
		select {
		case <-time.After(pace):
		case <-q.Context().Done():
			return q.Context().Err()
		}
		if !more {
			return nil
		}
	}
}

// gap sends that events before the one with that number were dropped; missed is 0 if their number
// is unknown.
func (f *following) gap(from, missed uint64) error {
	id := ""
	if from > 0 {
		id = f.server.events.id(from - 1)
	}
	e := newEvent(eventGap, map[string]uint64{"missed": missed})
	return f.stream.send(id, e.name, e.text)
}

// status says how everything is, unless that was said.
func (f *following) status() error {
	if f.server.Status == nil {
		return nil
	}
	text, err := json.Marshal(f.server.Status())
	if err != nil || bytes.Equal(text, f.said) {
		return err
	}
	f.said = text
	if err := f.stream.ready(); err != nil {
		return err
	}
	return f.stream.send("", eventStatus, text)
}
