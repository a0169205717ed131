//go:build linux

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// A work is an operation that contenders repeat many times. Its cost is the CPU time of their
// processes.
type work struct {
	Name, Title string
	Figure      string  // the meaning of the row's value
	Scale       float64 // of the value from microseconds per unit
	Unit        string  // the unit that is counted
	Count       int     // units per contender and round
	Connections int     // units in flight at the same time
	Contenders  []string
	Against     []string // a ratio refers to the best of these
	Aim         float64  // the maximum ratio of interlock; 0 if there is none, or headlines have their own
	Headlines   []headline
	Stream      bool   // End handles partial input, so nothing is kept for it
	Role        string // role of the load process; for the role load the functions below are used

	// Open prepares a client before the measurement.
	Open func(c *client) error
	// Begin sends one unit on a connection.
	Begin func(c *client, conn *conn) error
	// End checks the bytes received for the unit: false if more are expected, an error if they are
	// wrong.
	End func(c *client, conn *conn, in []byte) (bool, error)
}

// The contenders of most rows.
var (
	everyone = []string{"direct", "nginx", "haproxy", "reverseproxy", "goproxy", "interlock"}
	quick    = []string{"direct", "nginx", "haproxy", "interlock"}
	servers  = []string{"nginx", "haproxy"}
	unframed = append(everyone[:len(everyone):len(everyone)], framesOff) // for tunnels: beside one that does not read their frames
)

var works = []work{
	{
		Name: "get-32", Title: "keep-alive GET, 13-byte body, 32 connections", Figure: "µs of CPU per request", Scale: 1,
		Unit: "request", Count: 80_000, Connections: 32, Contenders: everyone, Against: servers, Aim: 1,
		Open: openAll, Begin: sendGet, End: endGet,
	},
	{
		Name: "get-256", Title: "keep-alive GET, 13-byte body, 256 connections", Figure: "µs of CPU per request", Scale: 1,
		Unit: "request", Count: 80_000, Connections: 256, Contenders: everyone, Against: servers, Aim: 1,
		Open: openAll, Begin: sendGet, End: endGet,
	},
	{
		Name: "get-4000", Title: "keep-alive GET, 13-byte body, 4,000 connections", Figure: "µs of CPU per request", Scale: 1,
		Unit: "request", Count: 80_000, Connections: 4000, Contenders: quick, Against: servers,
		Open: openAll, Begin: sendGet, End: endGet,
	},
	{
		Name: "handshake", Title: "WebSocket handshake on a new connection, 32 at a time", Figure: "µs of CPU per handshake", Scale: 1,
		Unit: "handshake", Count: 16_000, Connections: 32, Contenders: append(everyone[:len(everyone):len(everyone)], "interlock-sqlite"),
		Against: servers, Headlines: []headline{{shipped, 1.15}, {"interlock", 1.05}},
		Open: func(*client) error { return nil }, Begin: sendHandshake, End: endHandshake,
	},
	{
		Name: "diagnosis", Title: "WebSocket handshake that the origin rejects, which is explained, 32 keep-alive connections", Figure: "µs of CPU per handshake", Scale: 1,
		Unit: "rejected handshake", Count: 40_000, Connections: 32, Contenders: []string{"nginx", "haproxy", "interlock", "interlock-sqlite"}, Against: servers,
		Open: openAll, Begin: sendRefused, End: endRefused,
	},
	{
		Name: "echo", Title: "64-byte echo through a tunnel, 32 tunnels", Figure: "µs of CPU per round trip", Scale: 1,
		Unit: "round trip", Count: 80_000, Connections: 32, Contenders: unframed, Against: []string{"haproxy"}, Aim: 1.1,
		Open: openTunnels("/echo"), Begin: sendEcho, End: endEcho,
	},
	{
		Name: "bulk", Title: "8 MiB at a time from the backend in frames of 1 MiB, 4 tunnels", Figure: "CPU s per GB", Scale: 1000.0 / bulkSize,
		Unit: "portion", Count: 256, Connections: 4, Contenders: unframed, Against: []string{"haproxy"}, Aim: 0.4, Stream: true,
		Open: openTunnels("/bulk"), Begin: askBulk, End: endBulk,
	},
	{
		Name: "body", Title: "response of 8 MiB and known length, 4 connections", Figure: "CPU s per GB", Scale: 1000.0 / bulkSize,
		Unit: "response", Count: 256, Connections: 4, Contenders: quick, Against: servers, Stream: true,
		Open: openAll, Begin: askLarge, End: endLarge,
	},
}

const getRequest = "GET /hello HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: interlock-bench\r\nAccept: */*\r\n\r\n"

// openAll opens every connection and does one unit on each, so that the proxy's connections to the
// origin are open, too.
func openAll(c *client) error {
	for i := range c.conns {
		if err := c.dial(&c.conns[i]); err != nil {
			return err
		}
	}
	return c.do(len(c.conns))
}

// openTunnels opens a tunnel to the path on every connection, and does one unit on each.
func openTunnels(path string) func(c *client) error {
	return func(c *client) error {
		if err := c.switchAll(path); err != nil {
			return err
		}
		return c.do(len(c.conns))
	}
}

func sendGet(_ *client, conn *conn) error { return writeAll(conn.fd, []byte(getRequest)) }

func endGet(_ *client, _ *conn, in []byte) (bool, error) {
	end := headEnd(in)
	if end == 0 {
		return false, nil
	}
	head, body := in[:end], in[end:]
	length, err := strconv.Atoi(string(field(head, "Content-Length")))
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) || err != nil || length != len(originBody) || len(body) > length {
		return false, fmt.Errorf("want a 200 with %d bytes, got %q", len(originBody), in)
	}
	if len(body) < length {
		return false, nil
	}
	if string(body) != originBody {
		return false, fmt.Errorf("want the body %q, got %q", originBody, body)
	}
	return true, nil
}

// sendHandshake opens a connection and sends a handshake, to one of the load's paths.
func sendHandshake(c *client, conn *conn) error {
	if err := c.dial(conn); err != nil {
		return err
	}
	path := "/chat"
	if c.paths > 1 {
		path += "/room" + letters(int(c.serial)%c.paths)
	}
	return c.askSwitch(conn, path)
}

// letters writes a number in letters, so that it does not look like an identifier.
func letters(n int) string {
	b := []byte("xxxx")
	for i := range b {
		b[i] += byte(n % 10)
		b[i] -= 'x' - 'g'
		n /= 10
	}
	return string(b)
}

// newKey returns an unused Sec-WebSocket-Key, because a reused one would be a finding.
func newKey() string {
	key := binary.NativeEndian.AppendUint64(make([]byte, 0, 16), rand.Uint64())
	return base64.StdEncoding.EncodeToString(binary.NativeEndian.AppendUint64(key, rand.Uint64()))
}

// askSwitch sends a handshake on a connection.
func (c *client) askSwitch(conn *conn, path string) error {
	c.serial++
	key := newKey()
	conn.accept = accept([]byte(key))
	return writeAll(conn.fd, []byte("GET "+path+" HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: interlock-bench\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+key+"\r\n\r\n"))
}

// switchAll opens a tunnel on every connection.
func (c *client) switchAll(path string) error {
	for i := range c.conns {
		conn := &c.conns[i]
		if err := c.dial(conn); err != nil {
			return err
		}
		if err := bound(conn.fd); err != nil {
			return fmt.Errorf("bound a connection: %w", err)
		}
		if err := c.askSwitch(conn, path); err != nil {
			return err
		}
		for all := false; !all; {
			n, err := readAgain(conn.fd, c.in[len(conn.held):])
			if err != nil || n == 0 {
				return fmt.Errorf("wait for the switch: %w", errors.Join(err, errors.New("it does not come")))
			}
			conn.held = append(conn.held, c.in[len(conn.held):len(conn.held)+n]...)
			if all, err = switched(conn, conn.held); err != nil {
				return err
			}
		}
		conn.held = nil
	}
	return nil
}

// switched reports whether a complete 101 has arrived.
func switched(conn *conn, in []byte) (bool, error) {
	end := headEnd(in)
	if end == 0 {
		return false, nil
	}
	if got := string(field(in, "Sec-WebSocket-Accept")); !bytes.HasPrefix(in, []byte("HTTP/1.1 101 ")) || got != conn.accept || len(in) > end {
		return false, fmt.Errorf("want a 101 with Sec-WebSocket-Accept %q, got %q", conn.accept, in)
	}
	return true, nil
}

// endHandshake closes the connection with a FIN, as clients do, so that the proxy's work at the end
// counts too.
func endHandshake(c *client, conn *conn, in []byte) (bool, error) {
	all, err := switched(conn, in)
	if all {
		err = c.close(conn)
	}
	return all, err
}

// echoed is a masked WebSocket frame of 64 bytes in all.
const echoed = "\x82\xba\x00\x00\x00\x00" + "0123456789012345678901234567890123456789012345678901234567"

func sendEcho(_ *client, conn *conn) error { return writeAll(conn.fd, []byte(echoed)) }

func endEcho(_ *client, _ *conn, in []byte) (bool, error) {
	want := string(unmasked([]byte(echoed)))
	if len(in) > len(want) || string(in) != want[:len(in)] {
		return false, fmt.Errorf("want the same back, got %q", in)
	}
	return len(in) == len(want), nil
}

// bulkSize is the number of bytes that the origin sends for one portion.
const bulkSize = 8 << 20

// asked is a masked WebSocket frame without payload, which asks for a portion.
const asked = "\x8a\x80\x00\x00\x00\x00"

func askBulk(_ *client, conn *conn) error {
	conn.left = bulkSize
	return writeAll(conn.fd, []byte(asked))
}

func endBulk(_ *client, conn *conn, in []byte) (bool, error) {
	if conn.left -= len(in); conn.left < 0 {
		return false, fmt.Errorf("%d bytes too many", -conn.left)
	}
	return conn.left == 0, nil
}

func askLarge(_ *client, conn *conn) error {
	conn.left = bulkSize + len(originLarge)
	return writeAll(conn.fd, []byte("GET /large HTTP/1.1\r\nHost: bench.test\r\n\r\n"))
}

// endLarge counts bytes, because proxies may write the head differently: nginx adds two headers.
func endLarge(c *client, conn *conn, in []byte) (bool, error) {
	if conn.left == bulkSize+len(originLarge) {
		end := headEnd(in)
		if end == 0 || !bytes.HasPrefix(in, []byte("HTTP/1.1 200 ")) {
			return false, fmt.Errorf("want a 200, got %q", in)
		}
		conn.left, in = bulkSize, in[end:]
	}
	return endBulk(c, conn, in)
}
