//go:build e2e && linux

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func (w *watchdog) requests(conn net.Conn, n int) error {
	for range n {
		if _, err := io.WriteString(conn, plain); err != nil {
			return err
		}
		if err := w.readAll(conn, int64(len(answer)), "a client that asks"); err != nil {
			return err
		}
	}
	return nil
}

// tunnel echoes size bytes, then closes one half of the connection or both.
func (w *watchdog) tunnel(conn net.Conn, size int64, r *rand.Rand) error {
	if _, err := io.WriteString(conn, handshake); err != nil {
		return err
	}
	if err := w.readAll(conn, int64(len(switching)), "a client that switches"); err != nil {
		return err
	}
	sent := make(chan error, 1)
	piece := 1 + r.Int64N(64<<10)
	go func() { sent <- w.write(conn, size, piece, "a client that writes to a tunnel") }()
	err := errors.Join(w.readAll(conn, size, "a client in a tunnel"), <-sent)
	if err == nil && r.IntN(2) == 0 {
		err = errors.Join(conn.(*net.TCPConn).CloseWrite(), w.readAll(conn, -1, "a client that has half-closed"))
	}
	return err
}

func (w *watchdog) download(conn net.Conn, size int64, ends bool) error {
	if _, err := fmt.Fprintf(conn, "GET /get/%d HTTP/1.1\r\nHost: a\r\n\r\n", size); err != nil {
		return err
	}
	if ends {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
	}
	return w.readAll(conn, int64(len(headOf(size)))+size, "a client that downloads")
}

func (w *watchdog) upload(conn net.Conn, size int64) error {
	if _, err := fmt.Fprintf(conn, "POST /put HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size); err != nil {
		return err
	}
	if err := w.write(conn, size, 64<<10, "a client that writes an upload"); err != nil {
		return err
	}
	return w.readAll(conn, int64(len(answer)), "a client that uploads")
}

// mutant sends a malformed handshake. Any answer must arrive soon.
func (w *watchdog) mutant(conn net.Conn, r *rand.Rand) error {
	head := []byte(handshake)
	for range 1 + r.IntN(3) {
		switch at := r.IntN(len(head)); r.IntN(3) {
		case 0:
			head[at] = byte(r.Uint32())
		case 1:
			head = append(head[:at], head[at+1:]...)
		default:
			head = append(head[:at], append([]byte{byte(r.Uint32())}, head[at:]...)...)
		}
	}
	if _, err := conn.Write(head); err != nil {
		return err
	}
	conn.(*net.TCPConn).CloseWrite()
	if err := w.readAll(conn, -1, "a client with a mutated head"); err != nil && !strings.Contains(err.Error(), "reset") {
		return err
	}
	return nil
}

func headOf(size int64) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.FormatInt(size, 10) + "\r\n\r\n"
}

// A talker answers every request at once: with an echo after a 101, with a body of the requested
// length, with "ok" after it has read a body, or with a 400.
type talker struct {
	*backend
	running sync.WaitGroup
}

func talk(t testing.TB) *talker {
	o := &talker{backend: listen(t)}
	o.running.Go(func() {
		for {
			conn, err := o.ln.Accept()
			if err != nil {
				return
			}
			o.running.Go(func() {
				defer conn.Close()
				o.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		o.ln.Close()
		o.running.Wait()
	})
	return o
}

func (o *talker) serve(conn net.Conn) {
	for in := bufio.NewReaderSize(conn, 32<<10); ; {
		head, whole := readTalk(conn, in)
		conn.SetReadDeadline(time.Time{})
		switch {
		case !whole && len(head) == 0:
			return
		case bytes.HasPrefix(head, []byte("GET /items ")) && whole:
			io.WriteString(conn, answer)
		case bytes.HasPrefix(head, []byte("GET /get/")) && whole:
			size, _ := strconv.ParseInt(string(bytes.Fields(head[9:])[0]), 10, 64)
			io.WriteString(conn, headOf(size))
			writeZeros(conn, size)
		case bytes.HasPrefix(head, []byte("POST /put ")) && whole:
			_, length, _ := strings.Cut(string(head), "Content-Length: ")
			size, _ := strconv.ParseInt(strings.TrimSpace(length), 10, 64)
			io.CopyN(io.Discard, in, size)
			io.WriteString(conn, answer)
		case string(head) == handshake:
			io.WriteString(conn, switching)
			io.Copy(conn, in)
			return
		default:
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		}
	}
}

// readTalk reads a head. If the head stops arriving it returns the part that it has.
func readTalk(conn net.Conn, in *bufio.Reader) (head []byte, whole bool) {
	for {
		line, err := in.ReadSlice('\n')
		head = append(head, line...)
		if err != nil || len(head) > 64<<10 {
			return head, false
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return head, true
		}
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	}
}
