package why

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/errno"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

func noName(name, reason string) rules.Diagnosis {
	cause := "The name is misspelt, or not known to the name server that this machine asks"
	if strings.HasSuffix(name, ".local") || !strings.Contains(name, ".") {
		cause = "The name is known only elsewhere: on another machine, in another network, or between containers"
	}
	return certain("name", fmt.Sprintf("The host %s has no address: %s", rules.Quote(name), reason), cause,
		"DNS: add a record for "+name+", or correct the name in the URL",
		"Docker: the name of a service resolves only in its network: use the published port of localhost from outside")
}

func noConnection(address, port string, err error) rules.Diagnosis {
	reason := refusal(err)
	switch {
	case errors.Is(err, errno.ECONNREFUSED):
		return certain("refused", fmt.Sprintf("Nothing accepts connections at %s: %s", address, reason), "The server is not running, listens on another port, or only on another address",
			"server: start it, and look with ss -ltnp for the address that it listens on",
			"Docker: publish the port (-p "+port+":"+port+"), and let the server listen on 0.0.0.0 instead of 127.0.0.1")
	case isTimeout(err):
		return certain("silent", fmt.Sprintf("There is no answer from %s", address), "A firewall drops the packets, or the address is not in use",
			"firewall: allow TCP to port "+port, "cloud: open port "+port+" in the security group")
	}
	return certain("unreachable", fmt.Sprintf("%s cannot be reached: %s", address, reason), "There is no way from this machine to that address",
		"network: look at routes and VPN; if the name has an IPv6 address, at IPv6")
}

func stopped(address string, err error, last *attempt) rules.Diagnosis {
	return certain("stopped", fmt.Sprintf("The server stopped accepting connections at %s after the request %q (%s): %s", address, last.what, last.short(), refusal(err)),
		"The server has exited or was restarted, perhaps because of that request",
		"server: look in its log for the error at that time, and send the request once more after it has started", "Node.js: an error without a listener ends the process: socket.on('error', ...) for each WebSocket")
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func noTLS(t *Target, err error) rules.Diagnosis {
	if strings.Contains(err.Error(), "first record does not look like a TLS handshake") {
		return certain("no-tls", "The port does not speak TLS: its first bytes are not those of a TLS handshake", "The URL has wss or https, and the server speaks plain text at this port",
			"client: use ws://"+t.Host+t.Shown+", or the port that speaks TLS",
			"nginx: listen "+t.Port+" ssl;",
			"proxy in front: if it terminates TLS, connect to its port")
	}
	if reason := failedTLS(err); reason != err.Error() {
		d := likely("tls-unanswered", "The TLS handshake fails: "+reason, "The server speaks plain text at this port, or something in between does not let TLS for this name pass", "no TLS alert",
			"look what the port speaks: curl -v http://"+t.Host+"/ and then use ws://, or the port that speaks TLS",
			"nginx: listen "+t.Port+" ssl;",
			"router or firewall: know the name "+t.Name+" (SNI), and let TLS pass to port "+t.Port)
		d.Certainty = rules.Possible
		return d
	}
	return certain("tls", "The TLS handshake fails: "+err.Error(), "Client and server have no version, cipher or certificate in common, or the server requires a client certificate",
		"client: give --client-cert and --client-key, or --sni NAME, if the server requires them",
		"server: allow TLS 1.2 and TLS 1.3, and have a certificate for "+t.Name)
}

// failedTLS says in a few words why a TLS handshake failed.
func failedTLS(err error) string {
	switch {
	case isTimeout(err), errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case errors.Is(err, io.EOF):
		return "the server closes the connection"
	case errors.Is(err, errno.ECONNRESET):
		return "the server resets the connection"
	}
	return err.Error()
}

func onlyHTTP2(t *Target) rules.Diagnosis {
	return certain("http2-only", "The server takes HTTP/2 only: TLS fails if the client offers http/1.1 by ALPN", "The Upgrade mechanism is part of HTTP/1.1, and clients open WebSockets with it",
		"server: offer http/1.1 by ALPN beside h2",
		"nginx: http2 on; keeps http/1.1; HAProxy: bind ... alpn h2,http/1.1; Envoy: alpn_protocols: [h2, http/1.1]",
		"interlock: why --http 2 "+t.URL(t.Shown)+" tests WebSockets over HTTP/2 there")
}

func clearHTTP2(t *Target) rules.Diagnosis {
	return certain("http2-only", "What listens at port "+t.Port+" takes HTTP/2 only", "Clients open WebSockets in plain text with HTTP/1.1",
		"server: take HTTP/1.1 at this port too",
		"interlock: why h2c://"+t.Host+t.Shown+" tests WebSockets over HTTP/2 there")
}

func wantsTLS(t *Target) rules.Diagnosis {
	return certain("wants-tls", "The port speaks TLS, and the URL asks for plain text", "The URL has ws or http where the server wants wss or https",
		"client: use wss://"+t.Host+t.Shown,
		`browser code: new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "`+t.Shown+`")`)
}

func notHTTP(t *Target, answer string) rules.Diagnosis {
	return certain("not-http", "What listens at port "+t.Port+" does not speak HTTP: "+strings.TrimPrefix(answer, probe.ErrNotHTTP.Error()+": "), "The port is the one of another service",
		"client: use the port of the HTTP server")
}

// badCertificate explains why clients reject a certificate.
func badCertificate(t *Target, chain []*x509.Certificate, err error) rules.Diagnosis {
	leaf, now := chain[0], time.Now()
	text := "Clients reject the certificate: " + strings.TrimPrefix(err.Error(), "x509: ")
	var host x509.HostnameError
	certain := func(id, text, cause string, fix ...string) rules.Diagnosis {
		return certain(id, text, cause, append(fix, "interlock: "+exit.Untrusted)...)
	}
	switch {
	case now.After(leaf.NotAfter):
		return certain("certificate-expired", fmt.Sprintf("The certificate ended on %s", leaf.NotAfter.Format(time.DateOnly)), "It was not renewed, or the server has not read the new one",
			"certbot: certbot renew --deploy-hook 'nginx -s reload'", "server: load the new certificate, and restart or reload")
	case now.Before(leaf.NotBefore):
		return certain("certificate-early", fmt.Sprintf("The certificate begins on %s", leaf.NotBefore.Format(time.DateOnly)), "The clock of this machine or of the one that made it is wrong", "clock: synchronize it (timedatectl)")
	case errors.As(err, &host):
		return certain("certificate-name", fmt.Sprintf("The certificate is for %s, not for %s", names(leaf), t.TLS.ServerName), "The server has another site's certificate at this address, or does not read SNI",
			"client: use a name of the certificate", "nginx: server_name "+t.Name+"; with its own ssl_certificate")
	case leaf.Issuer.String() == leaf.Subject.String():
		return certain("certificate-self-signed", text, "The certificate is self-signed", "client: trust it; a browser has to open https://"+t.Host+"/ once and accept it",
			"server: use a certificate of an authority that clients trust, such as Let's Encrypt; for development mkcert")
	case len(chain) == 1:
		return certain("certificate-chain", text, "The server sends its certificate without the intermediate one, or the authority is a private one",
			"nginx: ssl_certificate fullchain.pem;", "Apache: SSLCertificateFile fullchain.pem", "private authority: add it to the trust store of clients")
	}
	return certain("certificate", text, "The authority that signed it is not one that this machine trusts", "private authority: add it to the trust store of clients")
}
