package ca

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // of the page
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"time"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// WritePage writes an HTML page without scripts that describes the authority and explains how to
// trust it on each system and how to undo that. Served reports whether the server of the page also
// serves the certificate.
func (a *Authority) WritePage(w io.Writer, served bool) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	return page.Execute(w, struct {
		*Authority
		Served bool
		Style  template.CSS
		Text   string
		Until  string
	}{a, served, template.CSS(pageStyle), string(a.PEM()), a.Certificate.NotAfter.UTC().Format(time.DateOnly)})
}

// Paths at which Handler offers the certificate.
const (
	PathPEM = "/interlock-ca.pem"
	PathDER = "/interlock-ca.crt"
)

// Handler serves the page, and the certificate in PEM and DER.
func (a *Authority) Handler() (http.Handler, error) {
	var page bytes.Buffer
	if err := a.WritePage(&page, true); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(pageStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "interlock: this page can only be read", http.StatusMethodNotAllowed)
			return
		}
		kind, text := "", []byte(nil)
		switch q.URL.Path {
		case "/":
			kind, text = "text/html; charset=utf-8", page.Bytes()
		case PathPEM:
			kind, text = "application/x-pem-file", a.PEM()
			h.Set("Content-Disposition", `attachment; filename="interlock-ca.pem"`)
		case PathDER:
			kind, text = "application/x-x509-ca-cert", a.DER()
			h.Set("Content-Disposition", `attachment; filename="interlock-ca.crt"`)
		default:
			http.Error(w, "interlock: this is a proxy; its authority is at /", http.StatusNotFound)
			return
		}
		h.Set("Content-Type", kind)
		h.Set("Content-Length", strconv.Itoa(len(text)))
		if q.Method == http.MethodGet {
			_, _ = w.Write(text) // an error means that the client has gone
		}
	}), nil
}
