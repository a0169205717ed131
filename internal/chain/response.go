package chain

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

// A message is a response as it came to the client.
type message struct {
	*wire.Response
	body  []byte
	whole bool // the body is complete
	from  int  // the offset of its first byte
	to    int  // the offset after its head, and after its body once that is complete
}

// responses reads the final responses in what a server sent, and the interim ones before the first
// of them. Whatever follows a 101 is not read.
func responses(in []byte, toHead, ended bool) (finals []message, interim []*wire.Response) {
	scan := wire.Scanner{Side: wire.FromServer}
	var head wire.Head
	at, from := 0, 0
	var open *message
	for {
		n, e := scan.Scan(in[at:], &head)
		at += n
		switch e {
		case wire.EventHead:
			p := wire.ReadResponse(bytes.Clone(head.Raw))
			scan.Frame(head.ResponseFraming(toHead, false))
			if p.Status == 101 {
				return append(finals, message{Response: p, whole: true, from: from, to: at}), interim
			}
			if p.Status < 200 {
				if open = nil; len(finals) == 0 {
					interim = append(interim, p)
				}
				continue
			}
			finals = append(finals, message{Response: p, from: from, to: at})
			open = &finals[len(finals)-1]
		case wire.EventContent:
			if open != nil {
				open.body = append(open.body, scan.Content...)
			}
		case wire.EventEnd:
			if open != nil {
				open.whole, open.to, open = true, at, nil
			}
			from = at
		case wire.EventOpaque:
			return finals, interim
		case wire.EventMore:
			if at == len(in) {
				if ended && open != nil && scan.Close() == wire.EventEnd {
					open.whole, open.to = true, at
				}
				return finals, interim
			}
		}
	}
}
