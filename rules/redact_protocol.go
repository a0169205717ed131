package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

// RedactSubprotocol is the subprotocol that a server has chosen from a request, fit to be shown: a token in it is blanked out
// by asterisks. It may be one by its form, or by where it stands in the request; a server that agrees to it says it once more.
func RedactSubprotocol(q *wire.Request, chosen string) string {
	b := []byte(chosen)
	redactProtocols(b, false)
	blankProtocols(b, hiddenProtocols(q))
	return string(b)
}

// hiddenProtocols are the subprotocols that a request offers and that are blanked out where it is shown.
func hiddenProtocols(q *wire.Request) (hidden [][]byte) {
	announced := false
	for v := range q.Named(protocolField) {
		list := q.Text(v)
		shown := bytes.Clone(list)
		announced = redactProtocols(shown, announced)
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

// blankProtocols blanks out what is hidden in a list of subprotocols.
func blankProtocols(list []byte, hidden [][]byte) {
	for element := range bytes.SplitSeq(list, []byte(",")) {
		for _, h := range hidden {
			if bytes.Equal(bytes.TrimSpace(element), h) {
				blank(element)
			}
		}
	}
}

// responseHead is a copy of the head of a response without its secrets, to be shown beside the request.
func (o *Options) responseHead(q *wire.Request, p *wire.Response) []byte {
	b := o.head(p.Raw)
	if o.Full || !p.Has(protocolField) {
		return b
	}
	hidden := hiddenProtocols(q)
	for v := range p.Named(protocolField) {
		blankProtocols(b[v.From:v.To], hidden)
	}
	return b
}
