package lab

import (
	"net/http"
	"strings"
	"time"
)

// plainBackends speak only HTTP.
func plainBackends() []Backend {
	return []Backend{
		{
			Name: "missing", About: "answers 404 to everything", Sound: true, Paths: []string{"/chat", "/echo"}, site: http.NotFoundHandler(),
		}, {
			Name: "files", About: "serves files, and ignores Upgrade", Sound: true, Paths: []string{"/chat", "/echo"}, site: http.HandlerFunc(serveFile),
		},
	}
}

// serveFile serves the only file, under the usual names.
func serveFile(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/", "/chat", "/echo", "/api/items":
		http.ServeContent(w, r, "timetable.txt", time.Time{}, strings.NewReader("signals, points, track circuits\n"))
	default:
		http.NotFound(w, r)
	}
}
