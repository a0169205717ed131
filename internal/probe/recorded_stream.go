package probe

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// recordedStream returns a recorded request in HTTP/2 as it is sent again. Its stream stays open if it was left
// open.
func recordedStream(x *wire.Exchange, q *wire.Request, given []Field) (*rules.Handshake, error) {
	if slices.Contains(x.Lossy, wire.LostRequest) {
		return nil, exit.Usage("replay: the headers of that request are not kept, so it cannot be sent again")
	}
	open := x.Stream == nil || !x.Stream.Client.AtHead
	if open && !slices.Contains([]string{"CONNECT", "GET", "HEAD", "OPTIONS"}, q.Method) {
		return nil, errNoContent()
	}
	s := &rules.Streamed{Fields: q.HTTP2Fields(), End: !open}
	secret := x.Secret(wire.FromClient)
	var missing, put []string
	kept := s.Fields[:0]
	for i, f := range s.Fields {
		name := string(q.Text(q.Fields[i].Name))
		f.Sensitive = slices.Contains(secret, name) || slices.Contains(secret, wire.AllSecret) && !strings.HasPrefix(name, ":")
		switch j := givenFor(given, name); {
		case name == ":path" && j < 0:
			var lost []string
			f.Value, lost = completed(f.Value, given)
			missing = append(missing, lost...)
		case !isRedacted([]byte(f.Value)):
		case j < 0 && !slices.Contains(missing, name):
			missing = append(missing, name)
		case j < 0:
		case slices.Contains(put, name): // a Cookie in several lines is given as one
			continue
		default:
			f.Value = given[j].Value
			put = append(put, name)
		}
		kept = append(kept, f)
	}
	if s.Fields = kept; len(missing) > 0 {
		return nil, errMissing(missing)
	}
	h := &rules.Handshake{Path: q.Target, Stream: s}
	h.Host, _ = q.Value(":authority")
	return h, nil
}
