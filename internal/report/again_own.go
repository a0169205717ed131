package report

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// ownHeaders are the headers that the user has given for a probe of chain, by the redacted head of its
// request: those without a value. A few probes send credentials that are theirs.
func ownHeaders(probe string, head []byte) (names []string) {
	sends := slices.Contains([]string{"CHAIN-NOMINATE-AUTH", "CHAIN-WS-FIELDS", "CHAIN-HEAD-SIZE"}, probe)
	q := wire.ReadRequest(head)
	for _, f := range q.Fields {
		name, value := string(q.Text(f.Name)), string(q.Text(f.Value))
		theirs := sends && (wire.EqualFold(name, "Authorization") || wire.EqualFold(name, "Cookie"))
		if value != "" && strings.Trim(value, "*") == "" && !theirs && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
