package probe

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Recorded returns the recorded request of a ruling as it is sent again, with given values in place of redacted
// ones: of headers, and of parameters of the target, whose names begin with a question mark. In HTTP/1.1 these are
// its bytes. In HTTP/2 its headers are encoded anew: the table that they were encoded with was that of a connection.
func Recorded(was *rules.Ruling, given []Field) (*rules.Handshake, error) {
	raw := was.X.Request.Raw
	if len(raw) == 0 {
		return nil, exit.Usage("replay: of this exchange no request is kept")
	}
	q := wire.ReadRequest(raw)
	if q.HTTP2() {
		return recordedStream(was.X, q, given)
	}
	request, err := recordedBytes(q, given)
	if err != nil {
		return nil, err
	}
	return Exactly(request), nil
}

// errNoContent says that a request had more than is kept of it.
func errNoContent() error {
	return exit.Usage("replay: the content of that request is not kept, so it cannot be sent again")
}

// errMissing names the values that must be given.
func errMissing(names []string) error {
	return exit.Usage("replay: blanked out when it was recorded: %s; give them again with -H 'Name: value'", strings.Join(names, ", "))
}

// isRedacted reports whether the value of a header was redacted, or a part of it.
func isRedacted(value []byte) bool {
	return len(value) > 0 && (len(bytes.Trim(value, "*")) == 0 || bytes.Contains(value, []byte("**")))
}

// givenFor is the place of the value that is given for a header; -1 if there is none.
func givenFor(given []Field, name string) int {
	return slices.IndexFunc(given, func(g Field) bool { return wire.EqualFold(g.Name, name) })
}

// recordedBytes are the bytes of a recorded request in HTTP/1.1.
func recordedBytes(q *wire.Request, given []Field) ([]byte, error) {
	if k := q.RequestFraming().Kind; k == wire.FramedByLength || k == wire.FramedByChunks {
		return nil, errNoContent()
	}
	raw := q.Raw
	target, missing := completed(q.Target, given)
	from := bytes.Index(raw, []byte(q.Target))
	out, last := append(bytes.Clone(raw[:from]), target...), from+len(q.Target)
	for _, each := range q.Fields {
		if !isRedacted(q.Text(each.Value)) {
			continue
		}
		name := string(q.Text(each.Name))
		i := givenFor(given, name)
		if i < 0 {
			missing = append(missing, name)
			continue
		}
		out = append(append(out, raw[last:each.Value.From]...), given[i].Value...)
		last = each.Value.To
	}
	if len(missing) > 0 {
		return nil, errMissing(missing)
	}
	return append(out, raw[last:]...), nil
}

// completed returns a target with given values in place of redacted parameters, and the names of
// missing ones.
func completed(target string, given []Field) (text string, missing []string) {
	for piece := range strings.SplitAfterSeq(target, "&") {
		name, value, ok := strings.Cut(strings.TrimSuffix(piece, "&"), "=")
		name = name[strings.LastIndexByte(name, '?')+1:]
		if !ok || value == "" || strings.Trim(value, "*") != "" {
			text += piece
			continue
		}
		i := slices.IndexFunc(given, func(g Field) bool { return g.Name == "?"+name })
		if i < 0 {
			missing = append(missing, "the parameter "+name)
			text += piece
			continue
		}
		text += strings.Replace(piece, "="+value, "="+given[i].Value, 1)
	}
	return text, missing
}

// CheckGiven checks values that replace redacted ones. Its error does not show them.
func CheckGiven(given []Field) error {
	for _, g := range given {
		if name, ok := strings.CutPrefix(g.Name, "?"); ok {
			if strings.ContainsFunc(g.Value, func(r rune) bool { return r <= ' ' || r > '~' || r == '&' || r == '#' }) {
				return exit.Usage("parameter %s: the value must be percent-encoded", name)
			}
			continue
		}
		if _, err := ParseField(g.Name + ": " + g.Value); err != nil {
			return err
		}
	}
	return nil
}
