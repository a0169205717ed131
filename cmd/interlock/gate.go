package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/rules"
)

// gateFlags adds the flags that say how rules are judged by and which of them make a run fail.
func gateFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	configFlag(cmd)
	f.String("fail-on", "high", "`severity` from which failures make the exit status 1")
	f.String("profile", "", "`rules` that can do so: seed, recommended, all")
	f.String("rules-as-of", "", "newer rules than this `release` never do so")
	help.Group(cmd, help.Judge, "fail-on", "profile", "rules-as-of")
	completeFixed(cmd, "fail-on", severities()...)
	completeFixed(cmd, "profile", "seed", "recommended", "all")
}

// loadRules reads the values of gateFlags.
func loadRules(cmd *cobra.Command) (config.Config, rules.Gate, error) {
	var gate rules.Gate
	c, o := config.Defaults(), &config.Origin{Given: map[string]string{}}
	flag := func(name string) string { return cmd.Flags().Lookup(name).Value.String() }
	file := flag("config")
	if file == "" {
		file = os.Getenv(config.Variable("config"))
	}
	o.Environment(os.Environ())
	if file != "" {
		if err := o.Read(file, &c); err != nil {
			return c, gate, err
		}
	}
	for name, field := range map[string]*string{"profile": &c.Rules.Profile, "rules-as-of": &c.Rules.AsOf} {
		if text := flag(name); text != "" {
			*field = text
			o.Given[map[string]string{"profile": "rules.profile", "rules-as-of": "rules.as_of"}[name]] = "--" + name
		}
	}
	faults := o.Faults()
	c.Rules.Check(faults.Add(o))
	c.Probes.Check(faults.Add(o))
	c.CheckStore(faults.Add(o))
	c.Accepted, c.Expected = (&config.AcceptFile{Accept: c.Accept, Expect: c.Expect}).Take(o, faults.Add(o))
	if err := faults.Err(); err != nil {
		return c, gate, err
	}
	least, err := rules.ParseSeverity(flag("fail-on"))
	if err != nil {
		return c, gate, exit.Usage("--fail-on: %w", err)
	}
	storeFlag(cmd, &c)
	return c, rules.Gate{Profile: rules.Profile(c.Rules.Profile), Least: least, AsOf: c.Rules.AsOf}, nil
}

// severities are all severities, the worst first.
func severities() []string { return []string{"critical", "high", "medium", "low", "info"} }
