package lab

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// An answer answers a request of a peer and reports whether the connection continues in HTTP.
type answer func(p *peer, r *http.Request) (again bool)

// A peer is the client at the other end of a raw connection.
type peer struct {
	listener *listener
	conn     net.Conn
	br       *bufio.Reader
}

// serveRaw accepts until the listener is closed, and returns when every connection has ended.
func serveRaw(d *listener, serve func(*peer)) {
	var peers sync.WaitGroup
	defer peers.Wait()
	for {
		conn, err := d.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, perhaps, and only for a while
			select {
			case <-d.closed:
			case <-time.After(retryTime):
			}
			continue
		}
		p := &peer{listener: d, conn: conn, br: bufio.NewReaderSize(conn, maxHead)}
		peers.Go(func() {
			defer func() { _ = p.conn.Close() }()
			serve(p)
		})
	}
}

// serve answers one request after another.
func (b *Backend) serve(p *peer) {
	for again := true; again; {
		r, err := p.next(b.repair)
		var bad *errHead
		switch {
		case errors.As(err, &bad):
			again = p.reply(nil, &bad.reply)
		case err != nil:
			return
		case b.routes[r.URL.Path] != nil:
			again = b.routes[r.URL.Path](p, r)
		case b.other != nil:
			again = b.other(p, r)
		default:
			again = p.reply(r, page(r))
		}
	}
	linger(p.conn, p.br)
}

// next waits for the next request and reads its head.
func (p *peer) next(repair func(string) string) (*http.Request, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
	if _, err := p.br.Peek(1); err != nil {
		return nil, err
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(headTime))
	return readHead(p.br, repair)
}

// reply sends the reply to r in one write; r is nil if there was no head. The connection continues
// unless the head announced a body, which is not read here, or one side wants to close it.
func (p *peer) reply(r *http.Request, answer *reply) (again bool) {
	again = r != nil && r.ProtoMinor > 0 && !hasContent(r) &&
		!httpguts.HeaderValuesContainsToken(r.Header["Connection"], "close")
	response := http.Response{
		StatusCode: answer.status, ProtoMajor: 1, ProtoMinor: 1, Header: answer.fields, Request: r, Close: !again,
		Body: io.NopCloser(strings.NewReader(answer.text)), ContentLength: int64(len(answer.text)),
	}
	var raw bytes.Buffer
	return response.Write(&raw) == nil && p.write(raw.String()) && again
}

// write sends the text and reports whether that succeeded.
func (p *peer) write(text string) bool {
	_ = p.conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := io.WriteString(p.conn, text)
	return err == nil
}
