package web

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// The times of a stream of events.
const (
	quiet   = 15 * time.Second       // how long a stream may be idle before it sends a comment
	slowest = 20 * time.Second       // how long a caller may take to read one write
	pace    = 100 * time.Millisecond // between two batches: a person reads no faster
)

// A stream sends server-sent events. JSON has no line end in it, so an event is one line of data.
type stream struct {
	w  http.ResponseWriter
	to *http.ResponseController
}

// newStream begins a stream; nil if the connection does not let it.
func newStream(w http.ResponseWriter) *stream {
	s := &stream{w, http.NewResponseController(w)}
	if s.to.SetReadDeadline(time.Time{}) != nil { // that of the request would end the stream
		refuse(w, http.StatusInternalServerError, "this connection cannot carry events")
		return nil
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	return s
}

// send writes an event. Its ID may be empty.
func (s *stream) send(id, name string, text []byte) error {
	if id != "" {
		if _, err := fmt.Fprintf(s.w, "id: %s\n", id); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, text)
	return err
}

// alive sends a comment, so that both sides notice when the other is gone.
func (s *stream) alive() error {
	_, err := io.WriteString(s.w, ": waiting\n\n")
	return err
}

// ready gives the caller time to read the next write.
func (s *stream) ready() error { return s.to.SetWriteDeadline(time.Now().Add(slowest)) }
