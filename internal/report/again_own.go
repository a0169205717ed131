package report

import (
	"regexp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// asterisks matches the mark of a secret in a redacted value.
var asterisks = regexp.MustCompile(`\*{2,}`)

// placeholders are the options that give a probe the redacted headers of its request again, such as the
// Cookie of a login. The probe adds its own headers itself.
func placeholders(r *rules.Ruling, head []byte) (options string) {
	const key = "AAAAAAAAAAAAAAAAAAAAAA=="
	q := wire.ReadRequest(head)
	own := wire.ReadRequest([]byte(rules.FindProbe(r.X.Probe).On(rules.NewHandshake("http", "staging.test", "/", key)).Head()))
	var names []string
	for _, f := range q.Fields {
		name, value := string(q.Text(f.Name)), string(q.Text(f.Value))
		known := slices.ContainsFunc(names, func(other string) bool { return wire.EqualFold(other, name) })
		if known || strings.HasPrefix(name, ":") || !asterisks.MatchString(value) || q.Count(name) <= own.Count(name) {
			continue
		}
		names = append(names, name)
		options += " -H " + word(printed.ASCII(name+": "+asterisks.ReplaceAllString(value, "***")))
	}
	return options
}

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
