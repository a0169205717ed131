package lab

import (
	"net/http"

	gobwas "github.com/gobwas/ws"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// soundSwitch returns the 101 to a valid handshake.
func soundSwitch(r *http.Request) string {
	return switchHead("Upgrade: websocket", "Connection: Upgrade", acceptLine(r))
}

// switchTo sends a 101 and speaks WebSocket until the connection ends.
func (p *peer) switchTo(head string) (again bool) {
	if p.write(head) {
		echoFrames(p.conn, newStrictReader(p.br, p.conn), gobwas.StateServerSide)
	}
	return false
}

// takeUnmasked accepts valid handshakes, and frames without a mask (RFC 6455 §5.1).
func takeUnmasked(p *peer, r *http.Request) bool {
	if no := refuse(r, 0); no != nil {
		return p.reply(r, no)
	}
	if p.write(soundSwitch(r)) {
		echoFrames(p.conn, newStrictReader(p.br, p.conn, ws.FaultMask), 0)
	}
	return false
}

// answerInTunnel accepts valid handshakes. If the bytes after the 101 begin like a request, it
// continues in HTTP.
func answerInTunnel(p *peer, r *http.Request) bool {
	if no := refuse(r, 0); no != nil {
		return p.reply(r, no)
	}
	if !p.write(soundSwitch(r)) {
		return false
	}
	first, err := p.br.Peek(1)
	if err == nil && (first[0] < 'A' || first[0] > 'Z') {
		echoFrames(p.conn, newStrictReader(p.br, p.conn), gobwas.StateServerSide)
		return false
	}
	return err == nil
}

func respondInTunnel(r *http.Request) string {
	return soundSwitch(r) + "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
}
