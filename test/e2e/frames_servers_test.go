//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	xnet "golang.org/x/net/websocket"
)

// echoServers are servers of libraries that echo each message at /chat, by their names in the table.
// They compress where the library can.
func echoServers() map[string]func(*testing.T) (addr string) {
	all := map[string]func(*testing.T) string{
		"libwebsockets": func(t *testing.T) string {
			return compiled(t, "gcc", "libwebsockets.c", "libwebsockets-dev", "-lwebsockets")
		},
	}
	for _, name := range []string{"ws", "websocket", "faye-websocket"} {
		all[name] = func(t *testing.T) string { return nodeListens(t, "node/library-server.mjs", name) }
	}
	for _, name := range []string{"websockets", "aiohttp", "tornado"} {
		all[name] = func(t *testing.T) string {
			return saysPort(t, exec.Command(program(t, "/usr/bin/python3", "python3-"+name), "python/library_server.py", name))
		}
	}
	for name, echo := range goEchoes() {
		all[name] = func(t *testing.T) string { return site(t, echo) }
	}
	return all
}

// compiledServers are more of them, in C++. They compile for half a minute.
func compiledServers() map[string]func(*testing.T) (addr string) {
	return map[string]func(*testing.T) string{
		"beast": func(t *testing.T) string { return compiled(t, "g++", "beast.cpp", "libboost-dev") },
		"websocketpp": func(t *testing.T) string {
			return compiled(t, "g++", "websocketpp.cpp", "libwebsocketpp-dev libboost-dev zlib1g-dev", "-lz")
		},
	}
}

func goEchoes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"gorilla": func(w http.ResponseWriter, r *http.Request) {
			upgrader := gorilla.Upgrader{EnableCompression: true}
			conn, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer conn.Close()
			for {
				kind, message, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(kind, message) != nil {
					return
				}
			}
		},
		"coder": func(w http.ResponseWriter, r *http.Request) {
			conn, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: coder.CompressionContextTakeover})
			if err != nil {
				return
			}
			defer conn.CloseNow()
			conn.SetReadLimit(1 << 20)
			for {
				kind, message, err := conn.Read(r.Context())
				if err != nil || conn.Write(r.Context(), kind, message) != nil {
					return
				}
			}
		},
		"gobwas": func(w http.ResponseWriter, r *http.Request) {
			conn, _, _, err := gobwas.UpgradeHTTP(r, w)
			if err != nil {
				return
			}
			defer conn.Close()
			for {
				message, kind, err := wsutil.ReadClientData(conn)
				if err != nil || wsutil.WriteServerMessage(conn, kind, message) != nil {
					return
				}
			}
		},
		"x/net": func(w http.ResponseWriter, r *http.Request) {
			xnet.Server{Handler: echoXNet}.ServeHTTP(w, r)
		},
	}
}

// echoXNet answers each message in its own kind, which golang.org/x/net tells a codec only. It leaves
// the answer to a close frame to the program.
func echoXNet(conn *xnet.Conn) {
	defer conn.Close()
	kind := byte(xnet.TextFrame)
	codec := xnet.Codec{
		Marshal: func(v any) ([]byte, byte, error) { return *v.(*[]byte), kind, nil },
		Unmarshal: func(data []byte, payloadType byte, v any) error {
			*v.(*[]byte), kind = data, payloadType
			return nil
		},
	}
	for message := []byte(nil); codec.Receive(conn, &message) == nil && codec.Send(conn, &message) == nil; {
	}
}

// saysPort starts a server that prints its port and ends with its standard input, and returns its address.
func saysPort(t *testing.T, cmd *exec.Cmd) (addr string) {
	t.Helper()
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	port, err := bufio.NewReader(stdout).ReadString('\n')
	t.Cleanup(func() {
		defer time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() }).Stop() // if it hangs
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: %v\n%s", cmd.Args, err, &stderr)
		}
	})
	if err != nil {
		t.Fatalf("%q says no port (test/e2e/install installs what it needs): %v", cmd.Args, err)
	}
	return "127.0.0.1:" + strings.TrimSpace(port)
}

// compiled compiles a server in frames and starts it.
func compiled(t *testing.T, compiler, source, debian string, flags ...string) (addr string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "server")
	args := append([]string{"-o", binary, filepath.Join("frames", source), "-pthread"}, flags...)
	const long = 10 * time.Minute // on a busy machine
	ctx, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	if out, err := exec.CommandContext(ctx, program(t, compiler, compiler), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v; test/e2e/install installs what it needs, or apt-get install %s\n%s", compiler, args, err, debian, out)
	}
	return saysPort(t, exec.Command(binary))
}
