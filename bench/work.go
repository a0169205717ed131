//go:build linux

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
)

// A work is one thing that all contenders are made to do many times.
type work struct {
	Name, Title string
	Unit        string // what is counted
	Connections int    // units on the way at the same time

	// Open readies a client before the measurement.
	Open func(c *client) error
	// Begin sends one unit on a connection.
	Begin func(c *client, conn *conn) error
	// End looks at what has come back for the unit: false if that is not all, an error if it is wrong.
	End func(c *client, conn *conn, in []byte) (bool, error)
}

var works = []work{
	{
		Name: "get-32", Title: "keep-alive GET, 13-byte body, 32 connections", Unit: "request", Connections: 32,
		Open: openAll, Begin: sendGet, End: endGet,
	},
	{
		Name: "get-256", Title: "keep-alive GET, 13-byte body, 256 connections", Unit: "request", Connections: 256,
		Open: openAll, Begin: sendGet, End: endGet,
	},
	{
		Name: "handshake", Title: "WebSocket handshake on a new connection, 32 at a time", Unit: "handshake", Connections: 32,
		Open: func(*client) error { return nil }, Begin: sendHandshake, End: endHandshake,
	},
}

const getRequest = "GET /hello HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: interlock-bench\r\nAccept: */*\r\n\r\n"

// openAll dials every connection and has one unit done on each, so that the proxy's connections to the origin stand too.
func openAll(c *client) error {
	for i := range c.conns {
		if err := c.dial(&c.conns[i]); err != nil {
			return err
		}
	}
	return c.do(len(c.conns))
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

// sendHandshake opens a connection and asks for the switch with a key that no other handshake of the client has.
func sendHandshake(c *client, conn *conn) error {
	if err := c.dial(conn); err != nil {
		return err
	}
	c.serial++
	key := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(make([]byte, 8), c.serial))
	conn.accept = accept([]byte(key))
	return writeAll(conn.fd, []byte("GET /chat HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: interlock-bench\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+key+"\r\n\r\n"))
}

// endHandshake closes the connection the ordinary way, with a FIN, as a client does: the proxy pays for the whole end too.
func endHandshake(c *client, conn *conn, in []byte) (bool, error) {
	end := headEnd(in)
	if end == 0 {
		return false, nil
	}
	if got := string(field(in, "Sec-WebSocket-Accept")); !bytes.HasPrefix(in, []byte("HTTP/1.1 101 ")) || got != conn.accept || len(in) > end {
		return false, fmt.Errorf("want a 101 with Sec-WebSocket-Accept %q, got %q", conn.accept, in)
	}
	return true, c.close(conn)
}
