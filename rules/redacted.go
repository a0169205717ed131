package rules

import (
	"bytes"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// maxRedacted limits the listed names of blanked-out parts of a head.
const maxRedacted = 32

// Redacted returns the names of what is blanked out in the request when the ruling is shown: of
// headers as written, of parameters of the target with a leading ?, and the word target for its
// user information. A caller that wants to send the request again has to supply these values. The
// result is empty if the request is shown in full.
func (r *Ruling) Redacted() []string {
	if r.blanked.request != nil {
		return slices.Clone(r.blanked.request)
	}
	return redactedRequest(r.X.Request, r.options.requestOf(r.X))
}

// redactedRequest compares a request with its redacted head.
func redactedRequest(q *wire.Request, shown []byte) []string {
	names := redactedFields(&q.Head, shown)
	if q.HTTP2() {
		i := slices.Index(names, ":path")
		for j := range q.Fields {
			if f := &q.Fields[j]; i >= 0 && string(q.Text(f.Name)) == ":path" {
				return redactedParameters(slices.Delete(names, i, i+1), q.Text(f.Value), shown[f.Value.From:f.Value.To])
			}
		}
		return names
	}
	line := q.Raw[q.Start.From:q.Start.To]
	rest := line[min(len(q.Method), len(line)):]
	i := bytes.Index(rest, []byte(q.Target))
	if i < 0 || q.Target == "" {
		return names
	}
	from := q.Start.To - len(rest) + i
	return redactedParameters(names, []byte(q.Target), shown[from:from+len(q.Target)])
}

// redactedParameters adds the names of the parameters of a target that are blanked out.
func redactedParameters(names []string, before, after []byte) []string {
	for len(before) > 0 {
		n := bytes.IndexByte(before, '&') + 1
		if n == 0 {
			n = len(before)
		}
		names = appendName(names, blankedParameter(before[:n], after[:n]))
		before, after = before[n:], after[n:]
	}
	return names
}

// blankedParameter returns the name of the blanked-out parameter between two & of a target; empty
// if there is none.
func blankedParameter(piece, shown []byte) string {
	for i, c := range piece {
		if c == shown[i] {
			continue
		}
		name, _, _ := bytes.Cut(piece[bytes.LastIndexAny(piece[:i], "?&;#")+1:], []byte("="))
		if len(name) >= i {
			return "target"
		}
		return "?" + string(name)
	}
	return ""
}

// redactedFields returns the names of the headers of a head whose values are partly blanked out.
func redactedFields(h *wire.Head, shown []byte) (names []string) {
	for _, f := range h.Fields {
		if !bytes.Equal(h.Text(f.Value), shown[f.Value.From:f.Value.To]) {
			names = appendName(names, string(h.Text(f.Name)))
		}
	}
	return names
}

func appendName(names []string, name string) []string {
	if name == "" || len(names) >= maxRedacted || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
