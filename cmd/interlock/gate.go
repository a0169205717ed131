package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/rules"
)

// gateFlags adds the flags that say how rules are judged by and which of them make a run fail.
func gateFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("config", "", "configuration file, of which the parts rules, probes, store, evidence, accept, baseline and expect count ("+variable("config")+")")
	f.String("fail-on", "high", "the mildest severity of a failed rule that makes the exit status 1: critical, high, medium, low or info")
	f.String("profile", "", "the rules that may do so: seed, recommended or all (default: the configuration's, else recommended)")
	f.String("rules-as-of", "", "a release such as 0.1: rules of later ones are shown and make nothing fail (default: the configuration's, else none)")
}

// findingsAt says why the exit status is 1.
func findingsAt(gate rules.Gate, n int) error {
	return fmt.Errorf("findings at %v or over: %d", gate.Least, n)
}

// loadRules puts together what gateFlags ask for.
func loadRules(cmd *cobra.Command) (config, rules.Gate, error) {
	var gate rules.Gate
	c, o := defaults(), &origin{given: map[string]string{}}
	flag := func(name string) string { return cmd.Flags().Lookup(name).Value.String() }
	file := flag("config")
	if file == "" {
		file = os.Getenv(variable("config"))
	}
	if file != "" {
		if err := o.read(file, &c); err != nil {
			return c, gate, err
		}
	}
	for name, field := range map[string]*string{"profile": &c.Rules.Profile, "rules-as-of": &c.Rules.AsOf} {
		if text := flag(name); text != "" {
			*field = text
			o.given[map[string]string{"profile": "rules.profile", "rules-as-of": "rules.as_of"}[name]] = "--" + name
		}
	}
	var faults faults
	c.Rules.check(faults.add(o))
	c.Probes.check(faults.add(o))
	c.checkStore(faults.add(o))
	c.accepted, c.expected = (&acceptFile{c.Accept, c.Expect}).take(o, faults.add(o))
	if err := faults.err(); err != nil {
		return c, gate, err
	}
	least, err := rules.ParseSeverity(flag("fail-on"))
	if err != nil {
		return c, gate, usage("--fail-on: %w", err)
	}
	storeFlag(cmd, &c)
	return c, rules.Gate{Profile: rules.Profile(c.Rules.Profile), Least: least, AsOf: c.Rules.AsOf}, nil
}
