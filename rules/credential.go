package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// Anonymous removes the credentials of a handshake: the headers with the names of secrets, such as
// Cookie and Authorization, subprotocols that carry a token, and secret parameters of the query.
func Anonymous() Edit {
	return func(h *Handshake) {
		d, announced := h.Secrets.names(), false
		kept := h.Lines[:0]
		for _, l := range h.Lines {
			if d.identifies([]byte(l.Name), []byte(l.Value)) {
				continue
			}
			if hasName(protocolField)(l) {
				if l.Value, announced = d.publicProtocols(l.Value, announced); l.Value == "" {
					continue
				}
			}
			kept = append(kept, l)
		}
		h.Lines = kept
		h.Target, h.Path = d.withoutSecrets(h.Target), d.withoutSecrets(h.Path)
	}
}

// Carries reports whether the handshake has credentials.
func (h *Handshake) Carries() bool {
	bare := h.Clone()
	Anonymous()(bare)
	return bare.Target != h.Target || !slices.Equal(bare.Lines, h.Lines)
}

// As returns the handshake with the credentials of another one in place of its own.
func (h *Handshake) As(other *Handshake) *Handshake {
	c, bare, d := h.Clone(), other.Clone(), other.Secrets.names()
	Anonymous()(c)
	Anonymous()(bare)
	for _, l := range other.Lines {
		switch {
		case d.identifies([]byte(l.Name), []byte(l.Value)):
			c.Lines = append(c.Lines, l)
		case hasName(protocolField)(l) && !slices.Contains(bare.Lines, l):
			Set(protocolField, l.Value)(c)
		}
	}
	for _, parameter := range d.secretParameters(other.Target) {
		mark := "?"
		if strings.Contains(c.Target, "?") {
			mark = "&"
		}
		c.Target += mark + parameter
	}
	c.Path, c.Owner = c.Target, h
	return c
}

// names is the redaction without what the configuration shows all the same: a cookie that may be
// shown is one that identifies its client.
func (d Redaction) names() *Redaction { return &Redaction{Names: d.Names} }

// identifies reports whether a header has credentials of the client. Those for a proxy say nothing
// to the server.
func (d *Redaction) identifies(name, value []byte) bool {
	const bearer = "bearer "
	if wire.EqualFold(name, "Proxy-Authorization") {
		return false
	}
	return d.hides(name) || len(value) > len(bearer) && wire.EqualFold(value[:len(bearer)], bearer)
}

// withoutSecrets returns a target without its secret parameters.
func (d *Redaction) withoutSecrets(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	var kept []string
	for parameter := range strings.SplitSeq(query, "&") {
		if !d.isSecretParameter(parameter, query) {
			kept = append(kept, parameter)
		}
	}
	if len(kept) == 0 {
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}

// secretParameters returns the parameters of a target that have credentials.
func (d *Redaction) secretParameters(target string) (all []string) {
	_, query, _ := strings.Cut(target, "?")
	for parameter := range strings.SplitSeq(query, "&") {
		if d.isSecretParameter(parameter, query) {
			all = append(all, parameter)
		}
	}
	return all
}

// isSecretParameter reports whether a parameter of a query has credentials. The names that
// Socket.IO and SignalR give to a connection are not credentials of a client: anyone may open one.
func (d *Redaction) isSecretParameter(parameter, query string) bool {
	name, value, _ := strings.Cut(parameter, "=")
	switch {
	case value == "", wire.EqualFold(name, "connectionToken"), wire.EqualFold(name, "sid") && strings.Contains(query, "EIO="):
		return false
	}
	return d.hides([]byte(name)) || hasToken(value)
}

// carriesCredentials reports whether a request has credentials of its client.
func (d *Redaction) carriesCredentials(q *wire.Request) bool {
	for _, f := range q.Fields {
		if d.identifies(q.Text(f.Name), q.Text(f.Value)) {
			return true
		}
	}
	return len(d.hiddenProtocols(q)) > 0 || len(d.secretParameters(q.Target)) > 0
}

// CarriesCredentials reports whether a request has credentials of its client: a cookie, another
// header with the name of a secret, a subprotocol that is a token, or a secret in its query.
func (d Redaction) CarriesCredentials(q *wire.Request) bool { return d.names().carriesCredentials(q) }
