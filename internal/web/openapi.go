package web

import (
	_ "embed"
	"net/http"
)

// description is what OpenAPI 3.1 says of the API. A test holds it against the handlers.
//
//go:embed openapi.json
var description []byte

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(description) // a caller that is gone wants no answer
}
