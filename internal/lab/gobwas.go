package lab

import (
	"net/http"

	"github.com/gobwas/ws"
)

// serveGobwas echoes frames with gobwas/ws on net/http. On its own, the library reads a space in
// Connection as a list separator and accepts a key of 17 bytes. Its own parser, which is not used
// here, would also accept two Hosts and a space before a colon.
func serveGobwas(w http.ResponseWriter, r *http.Request) {
	conn, rw, _, err := ws.HTTPUpgrader{Timeout: writeTime}.Upgrade(r, w)
	if conn != nil {
		defer func() { _ = conn.Close() }()
	}
	if err != nil {
		return // the library has sent the response
	}
	echoFrames(conn, rw.Reader, ws.StateServerSide)
	linger(conn, rw.Reader)
}
