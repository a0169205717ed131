package lab

import (
	"io"
	"net"
	"time"

	"github.com/gobwas/ws"
)

// echoFrames echoes each WebSocket frame of text or binary, answers a ping with a pong and a close
// with a close, and returns then, on a frame that breaks RFC 6455 §5, or with the connection. It
// reads from br, which reads from conn; the caller lingers on conn and closes it. State is that of
// a server; if it is 0, frames without a mask are accepted too.
func echoFrames(conn net.Conn, br io.Reader, state ws.State) {
	for {
		_ = conn.SetReadDeadline(time.Now().Add(idleTime))
		h, err := ws.ReadHeader(br)
		if err != nil {
			return
		}
		if err := ws.CheckHeader(h, state); err != nil {
			_ = writeFrame(conn, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusProtocolError, err.Error())))
			return
		}
		if h.Length > maxMessage {
			_ = writeFrame(conn, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusMessageTooBig, "")))
			return
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(br, payload); err != nil {
			return
		}
		ws.Cipher(payload, h.Mask, 0)
		switch h.OpCode {
		case ws.OpClose:
			_ = writeFrame(conn, ws.NewCloseFrame(payload))
			return
		case ws.OpPing:
			err = writeFrame(conn, ws.NewPongFrame(payload))
		case ws.OpPong:
		default:
			err = writeFrame(conn, ws.NewFrame(h.OpCode, h.Fin, payload))
			state = state.Clear(ws.StateFragmented)
			if !h.Fin {
				state = state.Set(ws.StateFragmented)
			}
		}
		if err != nil {
			return
		}
	}
}

// writeFrame sends one frame in one write.
func writeFrame(conn net.Conn, f ws.Frame) error {
	raw, err := ws.CompileFrame(f)
	if err != nil {
		return err
	}
	_ = conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err = conn.Write(raw)
	return err
}

// echoBytes echoes all bytes.
func echoBytes(conn net.Conn, br io.Reader) {
	buf := make([]byte, 4<<10)
	for {
		_ = conn.SetDeadline(time.Now().Add(idleTime))
		n, err := br.Read(buf)
		if _, failed := conn.Write(buf[:n]); failed != nil || err != nil {
			return
		}
	}
}

// linger closes the writing side and reads on for a while. Closing with unread bytes would reset
// the connection, which can destroy the last response (RFC 9112 §9.6).
func linger(conn net.Conn, br io.Reader) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, br, lingerBytes)
	}
}
