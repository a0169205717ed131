package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/rules"
)

// backendFlags adds the flags that say which way the backend is reached.
func backendFlags(cmd *cobra.Command) {
	d := config.Defaults()
	f := cmd.Flags()
	for _, each := range []struct{ name, value, about string }{
		{"backend", d.Backend, "the backend, as a URL such as http://127.0.0.1:3000"},
		{"host", d.Host, "value that every Host field gets on its way to the backend; empty: unchanged"},
		{"guard", d.Guard, "off, or unsafe: an unsafe switch does not reach the command"},
		{"backend-ca", "", "file with the authorities that the backend's certificate is checked by, in PEM (default the system's)"},
		{"backend-cert", "", "file with the certificate to show to the backend, in PEM"},
		{"backend-key", "", "file with its key, in PEM"},
		{"instance", d.Instance, "name of this instance in rulings; empty: a random one"},
	} {
		f.String(each.name, each.value, each.about+" ("+config.Variable(each.name)+")")
	}
	f.Bool("insecure", false, "take any certificate of the backend ("+config.Variable("insecure")+")")
}

// loadTrial puts together what the flags, the environment and the configuration file ask for.
func loadTrial(cmd *cobra.Command) (config.Config, rules.Gate, error) {
	_, gate, err := loadRules(cmd)
	if err != nil {
		return config.Config{}, gate, err
	}
	c, o, err := readConfig(cmd)
	if err != nil {
		return c, gate, err
	}
	return c, gate, c.Check(o)
}
