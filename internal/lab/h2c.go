package lab

import (
	"encoding/base64"
	"net/http"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

//lint:file-ignore SA1019 what is to be used instead, net/http, has HTTP/2 in cleartext by prior knowledge only, not by a switch

// h2cSite serves the pages in HTTP/1.1 and switches to HTTP/2 on a valid h2c offer or by prior
// knowledge (RFC 7540 §3.2, §3.4). It ignores incomplete offers and rejects malformed ones.
func h2cSite() http.Handler { return h2cOf(http.HandlerFunc(servePage)) }

// h2cOf is the same with other pages.
func h2cOf(pages http.Handler) http.Handler {
	switching := h2cWithout(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "PRI" && r.Proto == "HTTP/2.0":
			switching.ServeHTTP(w, r)
		case !mayBeH2C(r):
			pages.ServeHTTP(w, r)
		case !validSettings(r.Header.Values("HTTP2-Settings")):
			no := &reply{status: http.StatusBadRequest, text: "no h2c: not exactly one well-formed HTTP2-Settings\n"}
			no.write(w, r)
		default:
			switching.ServeHTTP(w, r)
		}
	})
}

// h2cUnchecked is the library without additional checks.
func h2cUnchecked() http.Handler { return h2cWithout(http.HandlerFunc(servePage)) }

func h2cWithout(pages http.Handler) http.Handler {
	return h2c.NewHandler(pages, &http2.Server{IdleTimeout: idleTime, MaxConcurrentStreams: 32})
}

// mayBeH2C reports whether there is an h2c offer that must not be ignored: in HTTP/1.1, with the
// option upgrade, which the library does not look for (RFC 9110 §7.8). An offer on a request with
// content is ignored too, as the content would have to be held in memory.
func mayBeH2C(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.ProtoMinor >= 1 && offers(r, "h2c") && !hasContent(r) &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade")
}

// validSettings reports whether there is exactly one value and it is the payload of a SETTINGS
// frame in base64url without padding (RFC 7540 §3.2.1, §6.5).
func validSettings(values []string) bool {
	if len(values) != 1 || values[0] == "" {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(values[0])
	return err == nil && len(payload)%6 == 0
}
