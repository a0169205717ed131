package why

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strings"
)

// rounds is how often a session is opened in one request and used in the next. With two workers
// behind a balancer that does not know sessions, about half of the second requests fail.
const rounds = 3

// session opens sessions of Socket.IO by polling, as its clients do, and goes on in a WebSocket.
func (w *walker) session(ctx context.Context) {
	path, query, _ := strings.Cut(w.target.Path, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !values.Has("EIO") || values.Has("sid") {
		return
	}
	websocket := w.chrome()
	values.Set("transport", "polling")
	polling := w.get().at("Polling", path+"?"+values.Encode())
	for range rounds {
		opened := w.send(ctx, "change", polling)
		if opened.x == nil {
			return
		}
		sid := sidIn(opened.x.Content)
		if opened.status() != 200 || sid == "" {
			w.note("The polling transport answers %s: clients of Socket.IO begin with it unless they have transports: [\"websocket\"]", opened.short())
			return
		}
		values.Set("transport", "websocket")
		values.Set("sid", sid)
		a := w.send(ctx, "session", websocket.at("In the session of a polling request", path+"?"+values.Encode()))
		values.Set("transport", "polling")
		values.Del("sid")
		if a.x != nil && !a.works() {
			w.found(affinity(a))
			return
		}
	}
}

// sidIn is the name of a session in the body of a polling request, such as 0{"sid":"..."}; empty if
// there is none. The body may be cut.
func sidIn(content []byte) string {
	_, rest, ok := bytes.Cut(content, []byte(`"sid":`))
	if !ok {
		return ""
	}
	var sid string
	if json.NewDecoder(bytes.NewReader(rest)).Decode(&sid) != nil {
		return ""
	}
	return sid
}
