package lab

import (
	"net/http"
	"time"
)

// A reply is an answer that ends in HTTP: a page or a refusal.
type reply struct {
	status int
	fields http.Header
	text   string
}

// page returns the reply to a request without a handshake: a small text at / and /api/items, 404
// elsewhere.
func page(r *http.Request) *reply {
	var text string
	switch r.URL.Path {
	case "/":
		text = "points\n"
	case "/api/items":
		text = "signals, points, track circuits\n"
	default:
		return &reply{status: http.StatusNotFound, text: "not found\n"}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return &reply{status: http.StatusOK, text: text}
	}
	return &reply{http.StatusMethodNotAllowed, http.Header{"Allow": {"GET, HEAD, POST"}}, "method not allowed\n"}
}

// servePage answers with the page.
func servePage(w http.ResponseWriter, r *http.Request) { page(r).write(w, r) }

// write sends the reply with net/http, which reads the request body first: for a page only briefly,
// because it may never arrive, and for a rejection only the part that has arrived.
func (p *reply) write(w http.ResponseWriter, r *http.Request) {
	if hasContent(r) {
		patience := lingerTime
		if p.status >= http.StatusBadRequest {
			patience = 0
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	}
	fields := w.Header()
	for name, values := range p.fields {
		fields[name] = values
	}
	fields.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(p.status)
	_, _ = w.Write([]byte(p.text))
}

// hasContent reports whether the head announces a body (RFC 9112 §6).
func hasContent(r *http.Request) bool { return r.ContentLength != 0 || len(r.TransferEncoding) > 0 }
