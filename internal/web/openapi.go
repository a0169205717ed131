package web

import (
	_ "embed"
	"net/http"
)

// description describes the API in OpenAPI 3.1. Tests compare it with the handlers.
//
//go:embed openapi.json
var description []byte

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(description) // a caller that is gone wants no answer
}
