//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// window is what is allowed of a connection and of each stream; it is never used up.
const window = 1 << 30

// An http2Client is a connection that keeps units in flight: requests, or round trips in its tunnels.
type http2Client struct {
	path    string // of the tunnels; empty: GETs are sent
	conn    *tls.Conn
	out     *bufio.Writer
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	next    uint32            // stream
	status  string            // of the last head
	got     map[uint32][]byte // of the unit at hand, by stream
	left    map[uint32]int    // bytes of a portion that have not come, likewise
}

// openHTTP2 connects, and begins that many tunnels to a path.
func openHTTP2(target, path string, tunnels int) (*http2Client, error) {
	conn, err := tls.Dial("tcp", target, &tls.Config{InsecureSkipVerify: true, ServerName: "bench.test", NextProtos: []string{http2.NextProtoTLS}})
	if err != nil {
		return nil, err
	}
	c := &http2Client{path: path, conn: conn, out: bufio.NewWriter(conn), next: 1, got: map[uint32][]byte{}, left: map[uint32]int{}}
	c.framer = http2.NewFramer(c.out, bufio.NewReader(conn))
	c.encoder = hpack.NewEncoder(&c.block)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err1 := c.out.WriteString(http2.ClientPreface)
	err2 := c.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	err3 := c.framer.WriteWindowUpdate(0, window)
	if err := errors.Join(err1, err2, err3, c.out.Flush()); err != nil {
		return nil, err
	}
	for acked, opened := false, 0; !acked || opened < tunnels; {
		f, err := c.take()
		if err != nil {
			return nil, fmt.Errorf("open HTTP/2: %w", err)
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !acked && f.IsAck() {
				acked = true
				for range tunnels {
					err = errors.Join(err, c.ask(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":path", path, ":authority", "bench.test",
						"sec-websocket-version", "13", "user-agent", "interlock-bench"))
				}
			}
		case *http2.MetaHeadersFrame:
			opened++
		}
		if err := errors.Join(err, c.out.Flush()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// take reads a frame, and answers what has to be answered.
func (c *http2Client) take() (f http2.Frame, err error) {
	if f, err = c.framer.ReadFrame(); err != nil {
		return nil, err
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			err = c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			err = c.framer.WritePing(true, f.Data)
		}
	case *http2.MetaHeadersFrame:
		if c.status = f.PseudoValue("status"); c.status != "200" {
			err = fmt.Errorf("want a 200, got %q", f.Fields)
		}
	case *http2.RSTStreamFrame:
		err = fmt.Errorf("stream %d was reset: %v", f.StreamID, f.ErrCode)
	case *http2.GoAwayFrame:
		err = fmt.Errorf("the connection ends: %v %s", f.ErrCode, f.DebugData())
	}
	return f, err
}

// ask begins a stream.
func (c *http2Client) ask(lines ...string) error {
	c.block.Reset()
	for pair := range slices.Chunk(lines, 2) {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]}); err != nil {
			return err
		}
	}
	id := c.next
	c.next += 2
	c.got[id] = nil
	return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndHeaders: true, EndStream: c.path == ""})
}

// begin begins a unit: a GET, or a round trip in a tunnel.
func (c *http2Client) begin(stream uint32) error {
	switch c.path {
	case "/echo":
		c.got[stream] = c.got[stream][:0]
		return c.framer.WriteData(stream, false, []byte(echoed))
	case "/bulk":
		c.left[stream] = bulkSize
		return c.framer.WriteData(stream, false, []byte(asked))
	}
	return c.ask(":method", "GET", ":scheme", "https", ":path", "/", ":authority", "bench.test", "user-agent", "interlock-bench")
}

// do keeps streams units in flight, as long as begun gives some.
func (c *http2Client) do(streams int, begun func() bool) error {
	flight := 0
	start := func(stream uint32) error {
		if !begun() {
			return nil
		}
		flight++
		return c.begin(stream)
	}
	for i := range streams {
		if err := start(uint32(2*i + 1)); err != nil {
			return err
		}
	}
	for flight > 0 {
		if err := c.out.Flush(); err != nil {
			return err
		}
		f, err := c.take()
		if err != nil {
			return err
		}
		data, ok := f.(*http2.DataFrame)
		if !ok {
			continue
		}
		if all, err := c.end(data); err != nil {
			return err
		} else if !all {
			continue
		}
		flight--
		if err := start(data.StreamID); err != nil {
			return err
		}
	}
	return nil
}

// end takes data of a unit, and reports whether it is complete.
func (c *http2Client) end(f *http2.DataFrame) (bool, error) {
	want := originBody
	switch c.path {
	case "/bulk":
		c.left[f.StreamID] -= len(f.Data())
		return c.left[f.StreamID] == 0, nil
	case "/echo":
		want = string(unmasked([]byte(echoed)))
	}
	c.got[f.StreamID] = append(c.got[f.StreamID], f.Data()...)
	got := c.got[f.StreamID]
	switch {
	case c.path != "" && len(got) < len(want), c.path == "" && !f.StreamEnded():
		return false, nil
	case string(got) != want:
		return false, fmt.Errorf("want %q, got %q", want, got)
	case c.path == "":
		delete(c.got, f.StreamID)
	}
	return true, nil
}

// loadHTTP2 does args[2] units of the work args[0] at args[1].
func loadHTTP2(args []string) error {
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	load := http2Loads[args[0]]
	at := slices.IndexFunc(http2Works, func(w work) bool { return w.Name == args[0] })
	if at < 0 {
		return fmt.Errorf("%q is not a work in HTTP/2", args[0])
	}
	clients := make([]*http2Client, http2Works[at].Connections)
	for i := range clients {
		tunnels := 0
		if load.path != "" {
			tunnels = load.streams
		}
		if clients[i], err = openHTTP2(args[1], load.path, tunnels); err != nil {
			return err
		}
	}
	all := func(begun func() bool) error {
		errs := make([]error, len(clients))
		var working sync.WaitGroup
		for i, c := range clients {
			working.Go(func() {
				if errs[i] = c.do(load.streams, begun); errs[i] != nil && !errors.Is(errs[i], net.ErrClosed) {
					for _, other := range clients {
						other.conn.Close() // they end, too
					}
				}
			})
		}
		working.Wait()
		return errors.Join(errs...)
	}
	return inStep(func() error {
		var begun atomic.Int64
		return all(func() bool { return begun.Add(1) <= int64(count) })
	})
}

// holdHTTP2 opens args[2] connections through args[0], with args[1] tunnels on each that echo once, or with one GET, and
// keeps them open until its stdin is closed.
func holdHTTP2(args []string) error {
	tunnels, err1 := strconv.Atoi(args[1])
	n, err2 := strconv.Atoi(args[2])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	clients, path := make([]*http2Client, n), ""
	if tunnels > 0 {
		path = "/echo"
	}
	for i := range clients {
		c, err := openHTTP2(args[0], path, tunnels)
		if err != nil {
			return err
		}
		left := max(tunnels, 1)
		if err := c.do(left, func() bool { left--; return left >= 0 }); err != nil {
			return err
		}
		clients[i] = c
	}
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // the end of it is what is waited for
	runtime.KeepAlive(clients)
	return nil
}
