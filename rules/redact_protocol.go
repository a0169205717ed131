package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

// Subprotocol returns the subprotocol that a server chose from a request, fit to be shown: a token
// in it is replaced by asterisks. Its form may show that it is a token, or its place in the
// request; a server that agrees to it repeats it.
func (d Redaction) Subprotocol(q *wire.Request, chosen string) string {
	b := []byte(chosen)
	d.redactProtocols(b, false)
	blankProtocols(b, d.hiddenProtocols(q))
	return string(b)
}

// hiddenProtocols are the subprotocols that a request offers and that are blanked out where it is
// shown.
func (d *Redaction) hiddenProtocols(q *wire.Request) (hidden [][]byte) {
	if d.allows(protocolField) {
		return nil
	}
	announced := false
	for v := range q.Values(protocolField) {
		list := q.Text(v)
		shown := bytes.Clone(list)
		announced = d.redactProtocols(shown, announced)
		for len(list) > 0 {
			n := bytes.IndexByte(list, ',') + 1
			if n == 0 {
				n = len(list)
			}
			if !bytes.Equal(list[:n], shown[:n]) {
				hidden = append(hidden, bytes.TrimSpace(bytes.TrimSuffix(list[:n], []byte(","))))
			}
			list, shown = list[n:], shown[n:]
		}
	}
	return hidden
}

// blankProtocols blanks out hidden elements in a list of subprotocols.
func blankProtocols(list []byte, hidden [][]byte) {
	for element := range bytes.SplitSeq(list, []byte(",")) {
		for _, h := range hidden {
			if bytes.Equal(bytes.TrimSpace(element), h) {
				blank(element)
			}
		}
	}
}

// responseHead is a copy of the head of a response without its secrets, to be shown beside the
// request.
func (o *Options) responseHead(q *wire.Request, p *wire.Response) []byte {
	b := o.head(p.Raw)
	if o.Full || !p.Has(protocolField) {
		return b
	}
	hidden := o.Redact.hiddenProtocols(q)
	for v := range p.Values(protocolField) {
		blankProtocols(b[v.From:v.To], hidden)
	}
	return b
}

// longProtocol is a length that no name of a subprotocol reaches, and every token does.
const longProtocol = 40

// redactProtocols blanks out the elements of a list of subprotocols that carry a token: those after
// a word that announces one, those that contain such a word, from there on, and those that look
// like tokens. It takes and returns whether the element before announced a token.
func (d *Redaction) redactProtocols(list []byte, announced bool) bool {
	for element := range bytes.SplitSeq(list, []byte(",")) {
		element = bytes.TrimSpace(element)
		if len(element) == 0 {
			continue
		}
		from := d.tokenIn(element)
		if announced && !isKnownProtocol(element) {
			from = 0
		}
		announced = from == len(element) && d.hides(element)
		blank(element[from:])
	}
	return announced
}

// tokenIn returns the offset of the token in a subprotocol; its length if there is none.
func (d *Redaction) tokenIn(element []byte) int {
	folded := bytes.ToLower(element)
	switch at := bytes.Index(folded, []byte("bearer")); {
	case isKnownProtocol(element):
		return len(element)
	case at >= 0:
		const kubernetes = ".authorization.k8s.io."
		at += len("bearer")
		if bytes.HasPrefix(folded[at:], []byte(kubernetes)) {
			return at + len(kubernetes)
		}
		return min(at+1, len(element)) // the separator between the word and the token
	case bytes.HasPrefix(element, []byte("eyJ")), len(element) >= longProtocol, isOpaque(element) && !hasToken(string(element)):
		return 0
	}
	for i, c := range element {
		if d.endsName(c, element[i+1:]) && d.hides(element[:i]) {
			return i + 1
		}
	}
	if i := bytes.Index(element, []byte("eyJ")); hasToken(string(element)) {
		return i
	}
	return len(element)
}

// endsName reports whether a byte of a subprotocol separates the name of a secret from the secret.
// Text after a hyphen may be the rest of the name.
func (d *Redaction) endsName(c byte, rest []byte) bool {
	const shortest = 6
	switch c {
	case '=', ':', '|', ' ':
		return len(rest) > 0
	case '.':
		return len(rest) >= shortest
	case '-', '_':
		return isOpaque(rest)
	}
	return false
}

// isKnownProtocol reports whether a subprotocol is a common one. It is never a token, wherever it
// is.
func isKnownProtocol(element []byte) bool {
	switch string(bytes.ToLower(element)) {
	case "chat", "superchat", "soap", "mqtt", "mqttv3.1", "amqp", "xmpp", "sip", "msrp", "bfcp", "binary", "base64", "json", "jsonrpc", "msgpack", "protobuf",
		"graphql-ws", "graphql-transport-ws", "v10.stomp", "v11.stomp", "v12.stomp", "wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor", "ocpp1.5", "ocpp1.6",
		"ocpp2.0", "ocpp2.0.1", "ocpp2.1", "actioncable-v1-json", "actioncable-unsupported", "vite-hmr", "realtime",
		"json.webpubsub.azure.v1", "protobuf.webpubsub.azure.v1", "json.reliable.webpubsub.azure.v1", "protobuf.reliable.webpubsub.azure.v1":
		return true
	}
	return bytes.HasSuffix(element, []byte(".k8s.io")) && !bytes.Contains(element, []byte("bearer"))
}
