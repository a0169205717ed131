package main

import (
	"os"

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
	c, o := config.Defaults(), &config.Origin{Given: map[string]string{}}
	value := func(name string) (text, from string) {
		f := cmd.Flags().Lookup(name)
		if f != nil && f.Changed {
			return f.Value.String(), "--" + name
		}
		if text, ok := os.LookupEnv(config.Variable(name)); ok && f != nil {
			return text, config.Variable(name)
		}
		return "", ""
	}
	if name, _ := value("config"); name != "" {
		if err := o.Read(name, &c); err != nil {
			return c, gate, err
		}
		c.File = name
	}
	for name, field := range map[string]*string{
		"backend": &c.Backend, "host": &c.Host, "guard": &c.Guard, "instance": &c.Instance,
		"backend-ca": &c.BackendTLS.CA, "backend-cert": &c.BackendTLS.Cert, "backend-key": &c.BackendTLS.Key,
	} {
		if text, from := value(name); from != "" {
			*field, o.Given[name] = text, from
		}
	}
	c.TLSFlags(value, o)
	storeFlag(cmd, &c)
	return c, gate, c.Check(o)
}
