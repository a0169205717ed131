package probe

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// RecordedRequest returns the recorded request of a ruling, with given values in place of redacted
// ones: of headers, and of parameters of the target, whose names begin with a question mark.
func RecordedRequest(was *rules.Ruling, given []Field) ([]byte, error) {
	raw := was.X.Request.Raw
	if len(raw) == 0 {
		return nil, exit.Usage("replay: of this exchange no request is kept")
	}
	q := wire.ReadRequest(raw)
	if q.HTTP2() {
		return nil, exit.Usage("replay: that request was sent in HTTP/2, and replay sends HTTP/1.1")
	}
	if k := q.RequestFraming().Kind; k == wire.FramedByLength || k == wire.FramedByChunks {
		return nil, exit.Usage("replay: the content of that request is not kept, so it cannot be sent again")
	}
	target, missing := completed(q.Target, given)
	from := bytes.Index(raw, []byte(q.Target))
	out, last := append(bytes.Clone(raw[:from]), target...), from+len(q.Target)
	for _, each := range q.Fields {
		value := q.Text(each.Value)
		name := string(q.Text(each.Name))
		if len(value) == 0 || len(bytes.Trim(value, "*")) > 0 && !bytes.Contains(value, []byte("**")) {
			continue
		}
		i := slices.IndexFunc(given, func(g Field) bool { return wire.EqualFold(g.Name, name) })
		if i < 0 {
			missing = append(missing, name)
			continue
		}
		out = append(append(out, raw[last:each.Value.From]...), given[i].Value...)
		last = each.Value.To
	}
	if len(missing) > 0 {
		return nil, exit.Usage("replay: blanked out when it was recorded: %s; give them again with -H 'Name: value'", strings.Join(missing, ", "))
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
