package probe

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// RecordedRequest is the request of a ruling as it was recorded, with given header lines in place of those that were blanked out.
func RecordedRequest(was *rules.Ruling, given []Field) ([]byte, error) {
	raw := was.X.Request.Raw
	if len(raw) == 0 {
		return nil, exit.Usage("replay: of this exchange no request is kept")
	}
	q := wire.ReadRequest(raw)
	if k := q.RequestFraming().Kind; k == wire.FramedByLength || k == wire.FramedByChunks {
		return nil, exit.Usage("replay: the content of that request is not kept, so it cannot be sent again")
	}
	var missing []string
	out, last := []byte(nil), 0
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
	if strings.Contains(q.Target, "=**") || strings.HasSuffix(q.Target, "=*") {
		missing = append(missing, "the query of the target")
	}
	if len(missing) > 0 {
		return nil, exit.Usage("replay: blanked out when it was recorded: %s; give them again with -H 'Name: value'", strings.Join(missing, ", "))
	}
	return append(out, raw[last:]...), nil
}
