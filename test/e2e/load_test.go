//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// echoFrame is a text frame "hello" from a client, masked with zeros so that its echo looks almost
// the same.
const (
	echoFrame = "\x81\x85\x00\x00\x00\x00hello"
	echoed5   = "\x81\x05hello"
)

// origin is a cheap backend. It reads heads without a body. It answers a handshake with a 101 and
// echoes everything after it as frames like echoFrame; it answers any other request with a 200.
// Some targets misbehave: /deaf never reads or answers, /flood sends without end, /mute reads and
// never answers.
type origin struct {
	*backend
	running sync.WaitGroup
	let     chan struct{} // a value ends one deaf connection; unbuffered, so a deaf connection receives it
	flooded chan int64    // bytes taken from a flood; there is one flood at a time, so the capacity is 1
}

func startOrigin(t testing.TB) *origin {
	o := &origin{backend: listen(t), let: make(chan struct{}), flooded: make(chan int64, 1)}
	o.running.Go(o.run)
	t.Cleanup(func() {
		o.ln.Close()
		o.running.Wait()
	})
	return o
}

func (o *origin) run() {
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
}

// serve returns when the connection ends.
func (o *origin) serve(conn net.Conn) {
	buffer, kept := make([]byte, 4<<10), 0
	for {
		n, err := conn.Read(buffer[kept:])
		if err != nil {
			return
		}
		kept += n
		for kept > 0 {
			end := bytes.Index(buffer[:kept], []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			head := buffer[:end+4]
			switch {
			case bytes.HasPrefix(head, []byte("GET /chat ")):
				if _, err := io.WriteString(conn, switching); err == nil {
					o.echo(conn, buffer[len(head):kept])
				}
				return
			case !bytes.HasPrefix(head, []byte("GET /items ")):
				o.misbehave(conn, string(head[:bytes.IndexByte(head, '\r')]))
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
			kept = copy(buffer, buffer[len(head):kept])
		}
	}
}

// echo echoes frames.
func (o *origin) echo(conn net.Conn, early []byte) {
	got := append([]byte(nil), early...)
	buffer := make([]byte, 64)
	for {
		for len(got) >= len(echoFrame) {
			if _, err := io.WriteString(conn, echoed5); err != nil {
				return
			}
			got = got[len(echoFrame):]
		}
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		got = append(got, buffer[:n]...)
	}
}

func (o *origin) misbehave(conn net.Conn, start string) {
	switch {
	case strings.Contains(start, " /deaf "):
		<-o.let
	case strings.Contains(start, " /flood "):
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", floodSize)
		o.flooded <- writeZeros(conn, floodSize)
	default:
		io.Copy(io.Discard, conn)
	}
}

// writeZeros writes n zero bytes and returns how many it wrote before the connection broke.
func writeZeros(conn net.Conn, n int64) (written int64) {
	for chunk := make([]byte, 256<<10); written < n; {
		m, err := conn.Write(chunk[:min(int64(len(chunk)), n-written)])
		if written += int64(m); err != nil {
			break
		}
	}
	return written
}

// exchanges makes number requests over that many connections at a time, and closes the connections.
func exchanges(t testing.TB, addr string, number, connections int) {
	t.Helper()
	together(t, connections, func(i int) error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(3 * patience))
		buffer := make([]byte, len(answer))
		for range number/connections + min(1, max(0, number%connections-i)) {
			if _, err := io.WriteString(conn, plain); err != nil {
				return err
			}
			if _, err := io.ReadFull(conn, buffer); err != nil {
				return err
			}
			if string(buffer) != answer {
				return fmt.Errorf("got %q, want %q", buffer, answer)
			}
		}
		return nil
	})
}

// openTunnel opens a tunnel and echoes one frame through it.
func openTunnel(addr string) (net.Conn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(3 * patience))
	for _, each := range [][2]string{{handshake, switching}, {echoFrame, echoed5}} {
		got := make([]byte, len(each[1]))
		_, err := io.WriteString(conn, each[0])
		if err == nil {
			_, err = io.ReadFull(conn, got)
		}
		if err == nil && string(got) != each[1] {
			err = fmt.Errorf("got %q, want %q", got, each[1])
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// tunnels opens number tunnels, calls open, and closes the tunnels.
func tunnels(t testing.TB, addr string, number int, open func()) {
	t.Helper()
	conns := make([]net.Conn, number)
	t.Cleanup(func() { closeAll(conns) }) // closes the tunnels that exist if one fails
	const atOnce = 64
	together(t, atOnce, func(first int) (err error) {
		for i := first; i < number && err == nil; i += atOnce {
			conns[i], err = openTunnel(addr)
		}
		return err
	})
	open()
	closeAll(conns)
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		if conn != nil {
			conn.Close()
		}
	}
}

// together makes number calls concurrently and stops the test if one fails.
func together(t testing.TB, number int, call func(i int) error) {
	t.Helper()
	errs := make([]error, number)
	var running sync.WaitGroup
	for i := range number {
		running.Go(func() { errs[i] = call(i) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
