package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"golang.org/x/net/http2"
)

// step is one action of a client of the demo.
type step struct {
	what  string
	fails bool // the client is expected to notice that something is wrong
	make  func(ctx context.Context, address string) error
}

// stepTime bounds one step.
const stepTime = 5 * time.Second

// correctTraffic is the traffic of well-behaved clients: three WebSocket libraries, an h2c client,
// and offers that may be ignored.
func correctTraffic() []step {
	return []step{
		{"gorilla/websocket client", false, byGorilla("/gorilla")},
		{"coder/websocket client", false, byCoder("/coder")},
		{"gobwas/ws client", false, byGobwas("/gobwas")},
		{"h2c client", false, byH2C("/")},
		{"plain request", false, byRequest("GET", "/api/items", "HTTP/1.1", "")},
		{"client that offers TLS, as Apache HttpClient does", false, byRequest("GET", "/api/items", "HTTP/1.1", "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n")},
		{"handshake by POST", false, byRequest("POST", "/chat", "HTTP/1.1", handshakeFields("13"))},
		{"handshake with version 99", false, byRequest("GET", "/chat", "HTTP/1.1", handshakeFields("99"))},
	}
}

// vulnerableTraffic meets one fault of a server per step: faulty responses by real clients that
// notice them, and requests that no library sends.
func vulnerableTraffic() []step {
	return []step{
		{"gorilla/websocket client", false, byGorilla("/chat")},
		{"handshake by POST", false, byRequest("POST", "/any-method", "HTTP/1.1", handshakeFields("13"))},
		{"handshake without Connection", false, byRequest("GET", "/ignores-connection", "HTTP/1.1", handshakeFields("13", "Connection"))},
		{"handshake with version 99", false, byRequest("GET", "/any-version", "HTTP/1.1", handshakeFields("99"))},
		{"handshake in HTTP/1.0", false, byRequest("GET", "/http10", "HTTP/1.0", handshakeFields("13"))},
		{"handshake without a key", false, byRequest("GET", "/no-key", "HTTP/1.1", handshakeFields("13", "Sec-WebSocket-Key"))},
		{"offer of a made-up protocol", false, byRequest("GET", "/switches-on-anything", "HTTP/1.1", "Connection: Upgrade\r\nUpgrade: totally-made-up/1.0\r\n")},
		{"offer of h2c without settings", false, byRequest("GET", "/switches-on-anything", "HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n")},
		{"plain request", false, byRequest("GET", "/unsolicited-101", "HTTP/1.1", "")},
		{"gorilla/websocket client", true, byGorilla("/wrong-accept")},
		{"gorilla/websocket client", true, byGorilla("/unoffered-protocol")},
		{"gobwas/ws client", true, byGobwas("/bare-101")},
		{"coder/websocket client", true, byCoder("/http-after-101")},
		{"handshake with version 99", false, byRequest("GET", "/bare-426", "HTTP/1.1", handshakeFields("99"))},
		{"client that gives up", true, byImpatience("/hangs")},
	}
}

const greeting = "hello"

var errEcho = errors.New("the echo is not what was sent")

func byGorilla(path string) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		ctx, stop := context.WithTimeout(ctx, stepTime)
		defer stop()
		conn, response, err := (&gorilla.Dialer{}).DialContext(ctx, "ws://"+address+path, nil)
		if err != nil {
			if response != nil {
				response.Body.Close()
			}
			return err
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(stepTime)); err != nil {
			return err
		}
		if err := conn.WriteMessage(gorilla.TextMessage, []byte(greeting)); err != nil {
			return err
		}
		_, echo, err := conn.ReadMessage()
		if err == nil && string(echo) != greeting {
			err = errEcho
		}
		return errors.Join(err, conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, ""), time.Now().Add(time.Second)))
	}
}

func byCoder(path string) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		ctx, stop := context.WithTimeout(ctx, stepTime)
		defer stop()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		conn, response, err := websocket.Dial(ctx, "ws://"+address+path, &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			if response != nil && response.Body != nil {
				response.Body.Close()
			}
			return err
		}
		defer conn.CloseNow() //nolint:errcheck // it is closed cleanly before, or an error has been returned
		if err := conn.Write(ctx, websocket.MessageText, []byte(greeting)); err != nil {
			return err
		}
		_, echo, err := conn.Read(ctx)
		if err == nil && string(echo) != greeting {
			err = errEcho
		}
		if err != nil {
			return err
		}
		return conn.Close(websocket.StatusNormalClosure, "")
	}
}

func byGobwas(path string) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		ctx, stop := context.WithTimeout(ctx, stepTime)
		defer stop()
		conn, _, _, err := ws.Dial(ctx, "ws://"+address+path)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(stepTime))
		if err := wsutil.WriteClientText(conn, []byte(greeting)); err != nil {
			return err
		}
		echo, err := wsutil.ReadServerText(conn)
		if err == nil && string(echo) != greeting {
			err = errEcho
		}
		return err
	}
}

// byH2C switches to HTTP/2 (RFC 7540 §3.2) and reads the answer to the request there, on stream 1.
func byH2C(path string) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		conn, err := dial(ctx, address)
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", path, address)
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusSwitchingProtocols {
			return fmt.Errorf("got status %s", response.Status)
		}
		framer := http2.NewFramer(conn, reader)
		if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
			return err
		}
		if err := framer.WriteSettings(); err != nil {
			return err
		}
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return err
			}
			if data, ok := frame.(*http2.DataFrame); ok && data.StreamID == 1 && data.StreamEnded() {
				return framer.WriteGoAway(0, http2.ErrCodeNo, nil)
			}
		}
	}
}

// byRequest sends a literal request and accepts any response.
func byRequest(method, path, version, fields string) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		conn, err := dial(ctx, address)
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprintf(conn, "%s %s %s\r\nHost: %s\r\n%s\r\n", method, path, version, address, fields)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusSwitchingProtocols {
			_, err = io.Copy(io.Discard, response.Body)
		}
		return err
	}
}

// byImpatience sends a handshake and closes after a moment.
func byImpatience(path string) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		conn, err := dial(ctx, address)
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, address, handshakeFields("13"))
		conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1))
		return err
	}
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: stepTime}).DialContext(ctx, "tcp", address)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(stepTime))
	}
	return conn, err
}
