package why

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/rules"
)

// handshakeByCurl is how curl sends a valid handshake.
const handshakeByCurl = "curl -v --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==' URL"

func noOffer(a *attempt) rules.Diagnosis {
	return certain("no-offer", fmt.Sprintf("The request is not a handshake: it has no Upgrade header, and the server answers %s", a.short()), "An ordinary request was sent, which says nothing about WebSocket",
		"client: "+handshakeByCurl)
}

func invalid(f *rules.Finding) rules.Diagnosis {
	detail, _, _ := strings.Cut(f.Detail, "; the file does not contain")
	d := certain("invalid", "The request is not a valid handshake: "+detail, "The client sent it like that, or a proxy changed it before it was recorded",
		"client: "+handshakeByCurl, "more: interlock rules "+f.Rule.ID)
	d.Explains = []string{f.Rule.ID}
	return d
}

func overHTTP2() rules.Diagnosis {
	return certain("over-http2", "The request was sent over HTTP/2, which has no Upgrade header", "curl chooses HTTP/2 where the server offers it by ALPN, and there a handshake is an ordinary request. Browsers open a WebSocket over HTTP/1.1, or over HTTP/2 by an extended CONNECT, which curl cannot send",
		"client: curl --http1.1 ...", "client: "+handshakeByCurl)
}

// around explains what was read beside exchanges.
func (w *walker) around(was *capture.Report) {
	if was.Over2 > 0 && len(w.report.Steps) == 0 {
		w.found(overHTTP2())
	}
	if was.Headless > 0 && len(w.report.Steps) == 0 {
		w.note("Only a response is shown, as curl -i prints it. Paste the output of curl -v, or both request and response headers")
	}
	for _, text := range was.Failures {
		text = withoutSecrets(text)
		w.take(Step{Name: "recorded", What: "Connection", Answer: text})
		if d, ok := failure(text); ok {
			w.found(d)
		} else if url := urlIn(text); url != "" {
			w.note("The browser does not say why. Look at the headers in the Network tab, or let Interlock try it: interlock why %s", url)
		}
	}
}

// withoutSecrets is a line of a console as it may be shown: without the secrets in its URLs.
func withoutSecrets(text string) string {
	return regexp.MustCompile(`\b(?:wss?|https?)://[^\s'"\\]+`).ReplaceAllStringFunc(text, rules.Redaction{}.Target)
}

// urlIn is the URL in a line of a console, without secrets; empty if there is none.
func urlIn(text string) string {
	url := strings.TrimRight(regexp.MustCompile(`wss?://[^\s'"\\]+`).FindString(text), ".")
	scheme, rest, _ := strings.Cut(url, "://")
	if url == "" || strings.Contains(rest, "@") {
		return ""
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest = rest[:i] + rules.Redaction{}.Target(rest[i:])
	}
	return scheme + "://" + rest
}

// failure explains what curl or a browser says about a connection that failed.
func failure(text string) (rules.Diagnosis, bool) {
	said := "The program says: " + text
	for _, each := range []struct {
		marks []string
		of    rules.Diagnosis
	}{
		{[]string{"Connection refused", "ECONNREFUSED", "ERR_CONNECTION_REFUSED", "Couldn't connect to server"}, certain("refused", said,
			"The server is not running, listens on another port, or only on another address", "server: start it, and look with ss -ltnp for the address that it listens on",
			"Docker: publish the port, and let the server listen on 0.0.0.0 instead of 127.0.0.1")},
		{[]string{"Could not resolve host", "ENOTFOUND", "ERR_NAME_NOT_RESOLVED"}, certain("name", said, "The name has no address where the client looks for it", "DNS: add a record, or correct the name in the URL")},
		{[]string{"certificate", "ERR_CERT_"}, certain("certificate", said, "The client does not trust the certificate", "server: a certificate for that name, not expired, with the intermediate one (fullchain.pem)")},
		{[]string{"wrong version number", "ERR_SSL_PROTOCOL_ERROR"}, certain("no-tls", said, "The URL has wss or https, and the server speaks plain text at this port", "client: use ws://, or the port that speaks TLS")},
		{[]string{"timed out", "ETIMEDOUT", "ERR_CONNECTION_TIMED_OUT"}, certain("silent", said, "A firewall drops the packets, the address is not in use, or the server does not answer", "firewall: allow TCP to the port")},
		{[]string{"Empty reply", "Connection reset", "ECONNRESET", "ERR_CONNECTION_RESET", "socket hang up"}, func() rules.Diagnosis {
			d := likely("no-answer", said, "The server, or a proxy in front of it, ends the connection instead of answering the handshake: often it has no handler for the path", "", "server: answer 404 where there is no WebSocket",
				"ws: new WebSocketServer({ server, path }) answers 400 to other paths; a listener of upgrade that ignores them does not")
			d.Certainty = rules.Possible
			return d
		}()},
	} {
		for _, mark := range each.marks {
			if strings.Contains(text, mark) {
				return each.of, true
			}
		}
	}
	return rules.Diagnosis{}, false
}
