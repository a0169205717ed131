package rules

import "strings"

// sockJS replaces server and session of a SockJS path by {id}: BASE/SERVER/SESSION/TRANSPORT, where
// the client chooses three digits and eight characters for each connection.
func sockJS(path string) string {
	parts := strings.Split(path, "/")
	n := len(parts)
	if n < 4 || len(parts[n-3]) != 3 || strings.Trim(parts[n-3], "0123456789") != "" || len(parts[n-2]) != 8 {
		return path
	}
	switch parts[n-1] {
	case "websocket", "xhr", "xhr_send", "xhr_streaming", "eventsource", "htmlfile", "jsonp", "jsonp_send":
		parts[n-3], parts[n-2] = "{id}", "{id}"
		return strings.Join(parts, "/")
	}
	return path
}
