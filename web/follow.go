package web

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// quiet is how long a stream of events may say nothing before it says that it is alive.
const quiet = 15 * time.Second

// followRun streams the events of a run as server-sent events, from the one behind Last-Event-ID on, and ends with the
// run. A JSON text has no line end in it, so an event is one line of data.
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
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)
	if stream.SetReadDeadline(time.Time{}) != nil { // that of the request would end the stream
		return
	}
	for {
		s.runs.mu.Lock()
		events, grown, over := r.events[min(next, len(r.events)):], r.grown, r.State != running
		s.runs.mu.Unlock()
		for _, e := range events {
			if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", next, e.name, e.text); err != nil {
				return
			}
			next++
		}
		if stream.Flush() != nil || over {
			return
		}
		select {
		case <-grown:
		case <-q.Context().Done():
			return
		case <-time.After(quiet):
			if _, err := io.WriteString(w, ": waiting\n\n"); err != nil {
				return
			}
		}
	}
}
