package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
)

// variablePrefix begins the names of all environment variables of Interlock.
const variablePrefix = "INTERLOCK_"

// Variable is the environment variable of a flag.
func Variable(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// LookupVariable is the value of the environment variable of a flag.
func LookupVariable(flag string) (string, bool) { return os.LookupEnv(Variable(flag)) }

// VariableFlags are the flags that can be given as variables.
func VariableFlags() []string {
	flags := []string{"config"}
	for _, d := range described() {
		if d.flag != "" {
			flags = append(flags, d.flag)
		}
	}
	return append(flags, "tls-key") // it has one key together with tls-cert
}

// made are variables with this prefix that others set: Kubernetes for each Service, and interlock
// run for its command.
var made = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$|^INTERLOCK_(URL|WS_URL|PORT)$`)

// Misspelt returns the environment variables that begin like those of Interlock but are none of
// them, each with similar variables; only those that have any.
func Misspelt(environment []string) map[string][]string {
	flags := VariableFlags()
	names := make([]string, 0, len(flags))
	for _, flag := range flags {
		names = append(names, strings.TrimPrefix(Variable(flag), variablePrefix))
	}
	found := map[string][]string{}
	for _, line := range environment {
		name, _, _ := strings.Cut(line, "=")
		short, ours := strings.CutPrefix(name, variablePrefix)
		if !ours || slices.Contains(names, short) || made.MatchString(name) {
			continue
		}
		found[name] = []string{}
		most := 2
		if len(short) < 6 {
			most = 1 // the user may have an INTERLOCK_HOME
		}
		for _, near := range nearest(short, names) {
			if distance(short, near) <= most {
				found[name] = append(found[name], variablePrefix+near)
			}
		}
	}
	return found
}

// Environment reports misspelt variables of an environment.
func (o *Origin) Environment(environment []string) {
	found := Misspelt(environment)
	for _, name := range sortedNames(found) {
		if meant := found[name]; len(meant) > 0 {
			o.faults = append(o.faults, fault{text: name + ": unknown variable; did you mean " + strings.Join(meant, " or ") + "?"})
		}
	}
}
