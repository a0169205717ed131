package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// requestOf is a copy of the head of the exchange's request without its secrets.
func (o *Options) requestOf(x *wire.Exchange) []byte {
	b := o.requestHead(x.Request)
	o.blankSecret(b, &x.Request.Head, x.Secret(wire.FromClient))
	return b
}

// responseOf is a copy of the head of a response of the exchange without its secrets.
func (o *Options) responseOf(x *wire.Exchange, p *wire.Response) []byte {
	b := o.responseHead(x.Request, p)
	o.blankSecret(b, &p.Head, x.Secret(wire.FromServer))
	return b
}

// blankSecret blanks out the values of headers that their sender says are secret.
func (o *Options) blankSecret(b []byte, h *wire.Head, names []string) {
	if o.Full || len(names) == 0 {
		return
	}
	for _, f := range h.Fields {
		if name := h.Text(f.Name); isSecret(name, names) && !o.Redact.allows(string(name)) {
			blank(b[f.Value.From:f.Value.To])
		}
	}
}

// isSecret reports whether one of the names is that of the header. Pseudo-headers are not secret.
func isSecret(name []byte, names []string) bool {
	return slices.ContainsFunc(names, func(s string) bool {
		return wire.EqualFold(name, s) || s == wire.AllSecret && name[0] != ':'
	})
}
