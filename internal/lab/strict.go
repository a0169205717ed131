package lab

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/gobwas/ws"

	frames "github.com/interlock-proxy/interlock/wire/ws"
)

// A strictReader passes on what a client sends after the 101, up to the first frame that RFC 6455
// forbids: it sends a close frame with the right code there, and ends. Libraries leave out some of the
// checks.
type strictReader struct {
	in      io.Reader
	out     net.Conn // for the close frame
	read    *frames.Reader
	accepts []frames.FaultKind // what it does not look at
	code    ws.StatusCode      // of the close frame; 0: that of the fault
	fed     int64              // bytes passed on
	found   *frames.Fault      // where that ends
	over    bool               // a close frame was sent
}

func newStrictReader(in io.Reader, out net.Conn, accepts ...frames.FaultKind) *strictReader {
	return &strictReader{in: in, out: out, read: frames.NewReader(frames.Terms{}, 0), accepts: accepts}
}

// Read reads up to the first forbidden frame. The connection is closed when that has been
// read, so that it was answered before.
func (s *strictReader) Read(p []byte) (int, error) {
	if s.found != nil {
		s.end()
		return 0, net.ErrClosed // an io.EOF within a message would end it for coder/websocket
	}
	n, err := s.in.Read(p)
	s.read.Feed(frames.Client, p[:n], 0)
	if s.found = s.fault(); s.found != nil {
		if n = int(max(s.found.Offset-s.fed, 0)); n == 0 {
			return s.Read(nil)
		}
	}
	s.fed += int64(n)
	return n, err
}

// end sends the close frame.
func (s *strictReader) end() {
	switch {
	case s.over:
	case s.code != 0:
		_ = writeFrame(s.out, ws.NewCloseFrame(ws.NewCloseFrameBody(s.code, "")))
	default:
		_ = writeFrame(s.out, ws.NewCloseFrame(ws.NewCloseFrameBody(codeFor(s.found.Kind), s.found.Kind.String())))
	}
	s.over = true
}

// fault returns the first fault that is not accepted.
func (s *strictReader) fault() *frames.Fault {
	if s.read.Faulty(frames.Client) {
		for _, f := range s.read.Facts().Sides[frames.Client].Faults {
			if !slices.Contains(s.accepts, f.Kind) {
				return &f
			}
		}
	}
	return nil
}

// codeFor returns the code of a close frame in answer to a fault (RFC 6455 §7.4.1).
func codeFor(kind frames.FaultKind) ws.StatusCode {
	if kind == frames.FaultText || kind == frames.FaultCloseReason {
		return ws.StatusInvalidFramePayloadData
	}
	return ws.StatusProtocolError
}

// A strictWriter is a response whose connection, once a library has taken it over, is read by a
// strictReader.
type strictWriter struct {
	http.ResponseWriter
	begun bool // the library has written the head
}

// WriteHeader writes the head.
func (w *strictWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

// Hijack takes over the connection. A library that has not sent its 101 yet may reject a request that
// is followed by frames.
func (w *strictWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil || rw.Reader.Buffered() > 0 && !w.begun {
		return conn, rw, err
	}
	s := newStrictReader(rw.Reader, conn)
	return strictConn{conn, s}, bufio.NewReadWriter(bufio.NewReader(s), rw.Writer), nil
}

// A strictConn is a connection that is read by a strictReader.
type strictConn struct {
	net.Conn
	in *strictReader
}

// Read reads up to the first forbidden frame.
func (c strictConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// CloseWrite ends the writing side.
func (c strictConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
