package capture

import (
	"errors"
	"io"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// readHAR reads the entries of a HAR file, wherever in the file its log is.
func readHAR(s *session) error {
	if begin, _ := s.src.Peek(len(byteOrderMark)); string(begin) == byteOrderMark {
		_, _ = s.src.Discard(len(byteOrderMark)) // they are there
	}
	begin := s.offset()
	w := newWalker(s.src)
	found := false
	err := w.object(func(key string) (bool, error) {
		if key != "log" {
			return false, nil
		}
		return true, w.object(func(key string) (bool, error) {
			if key != "entries" {
				return false, nil
			}
			found = true
			return true, w.array(func() error { return s.entry(w) })
		})
	})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file ends within a value")
	}
	if err == nil && !found {
		err = errors.New("JSON without the entries of a log: no HAR")
	}
	if err != nil {
		return &Error{begin + w.offset(), err}
	}
	return nil
}

// An entry holds the members of an entry that are read.
type entry struct {
	started             time.Time
	server              string // its address, without the port
	websocket           bool   // the program that wrote the file says so
	request, response   message
	sent, waited, total float64 // in milliseconds; -1 where they are not known
}

// A message holds the members of a request or response that are read.
type message struct {
	method, url string  // of a request
	status      float64 // of a response
	reason      string
	version     string
	size        float64 // of the head; not over 0 where the program that wrote the file did not see one
	bytes       int     // that the fields take; no more of them are kept than a head has room for
	fields      []field
	wide        bool // of a paste: the last line may go on in the next one
}

type field struct{ name, value string }

// entry reads one entry and observes its exchange, if that concerns Upgrade.
func (s *session) entry(w *walker) error {
	e := entry{total: -1, sent: -1, waited: -1}
	err := w.object(func(key string) (bool, error) {
		switch key {
		case "startedDateTime":
			var text string
			err := w.text(&text)
			e.started, _ = time.Parse(time.RFC3339Nano, text)
			return true, err
		case "time":
			return true, w.number(&e.total)
		case "serverIPAddress":
			return true, w.text(&e.server)
		case "request":
			return true, e.request.read(w)
		case "response":
			return true, e.response.read(w)
		case "timings":
			return true, e.timings(w)
		case "_resourceType":
			var text string
			err := w.text(&text)
			e.websocket = e.websocket || text == "websocket"
			return true, err
		case "_webSocketMessages":
			e.websocket = true
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	s.report.Entries++
	s.judge(&e)
	return nil
}

func (e *entry) timings(w *walker) error {
	return w.object(func(key string) (bool, error) {
		switch key {
		case "send":
			return true, w.number(&e.sent)
		case "wait":
			return true, w.number(&e.waited)
		}
		return false, nil
	})
}

func (m *message) read(w *walker) error {
	return w.object(func(key string) (bool, error) {
		switch key {
		case "method":
			return true, w.text(&m.method)
		case "url":
			return true, w.text(&m.url)
		case "httpVersion":
			return true, w.text(&m.version)
		case "status":
			return true, w.number(&m.status)
		case "statusText":
			return true, w.text(&m.reason)
		case "headersSize":
			return true, w.number(&m.size)
		case "headers":
			return true, w.array(func() error { return m.field(w) })
		}
		return false, nil
	})
}

// field reads one header. It reads as many as a head has room for.
func (m *message) field(w *walker) error {
	var f field
	err := w.object(func(key string) (bool, error) {
		switch key {
		case "name":
			return true, w.text(&f.name)
		case "value":
			return true, w.text(&f.value)
		}
		return false, nil
	})
	if m.bytes += len(f.name) + len(f.value) + len(": \r\n"); m.bytes <= wire.MaxHead {
		m.fields = append(m.fields, f)
	}
	return err
}
