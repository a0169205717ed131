// Server is a server of golang.org/x/net, in plain text, or in TLS if its arguments are the files of a certificate and
// its key. It prints its port and ends with its standard input. It echoes the bytes of a tunnel to /chat, opened by extended CONNECT (with GODEBUG=http2xconnect=1)
// or by an upgrade in HTTP/1.1, and answers any other request with a page.
package main

//lint:file-ignore SA1019 net/http has no extended CONNECT, golang.org/x/net has

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: time.Minute}
	serve := func() error { return server.ServeTLS(l, os.Args[1], os.Args[2]) }
	if os.Args[1] == "" {
		server.Handler = h2c.NewHandler(server.Handler, &http2.Server{})
		serve = func() error { return server.Serve(l) }
	} else if err := http2.ConfigureServer(server, &http2.Server{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server.ErrorLog = log.New(io.Discard, "", 0)
	go func() { _ = serve() }() // the program ends with its standard input
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func answer(w http.ResponseWriter, r *http.Request) {
	protocol := r.Header.Get(":protocol") // x/net passes it on with any method
	connect := r.Method == http.MethodConnect
	switch {
	case r.ProtoMajor == 1 && r.Header.Get("Upgrade") != "" && r.URL.Path == "/chat":
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err == nil {
			defer conn.Close()
			echo(conn)
		}
	case !connect:
		if x := r.Header.Get("X-Il"); x != "" {
			w.Header().Set("X-Il", x)
		}
		fmt.Fprintln(w, "a page")
	case protocol != "websocket":
		http.Error(w, "only websocket", http.StatusNotImplemented)
	case r.URL.Path != "/chat":
		http.NotFound(w, r)
	case r.Header.Get("Sec-Websocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "only version 13", http.StatusBadRequest)
	default:
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		echo(struct {
			io.Reader
			io.Writer
		}{r.Body, flushed{w}})
	}
}

// flushed sends each write at once.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	http.NewResponseController(f.ResponseWriter).Flush()
	return n, err
}

// echo answers frames until a close frame or one that RFC 6455 forbids.
func echo(conn io.ReadWriter) {
	for {
		h, err := ws.ReadHeader(conn)
		if err != nil {
			return
		}
		if err := ws.CheckHeader(h, ws.StateServerSide); err != nil || !h.Masked || h.Length > 1<<20 {
			_ = ws.WriteFrame(conn, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusProtocolError, "")))
			return
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		ws.Cipher(payload, h.Mask, 0)
		switch h.OpCode {
		case ws.OpClose:
			_ = ws.WriteFrame(conn, ws.NewCloseFrame(payload))
			return
		case ws.OpPing:
			_ = ws.WriteFrame(conn, ws.NewPongFrame(payload))
		case ws.OpPong:
		default:
			_ = ws.WriteFrame(conn, ws.NewFrame(h.OpCode, h.Fin, payload))
		}
	}
}
