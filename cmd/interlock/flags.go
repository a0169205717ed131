package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// configFlags adds the flags that stand for keys of the configuration.
func configFlags(cmd *cobra.Command) {
	d := defaults()
	f := cmd.Flags()
	f.String("backend", d.Backend, "the backend, as a URL such as http://127.0.0.1:3000")
	f.String("listen", d.Listen, "address of the reverse listener")
	f.String("admin", d.Admin, "address that answers /healthz")
	f.String("forward", d.Forward, "address of the forward listener, for clients that are told to use a proxy; empty: none")
	f.String("host", d.Host, "value that every Host field gets on its way to the backend; empty: unchanged")
	f.String("config", "", "configuration file")
	f.String("store", d.Store, "where findings are kept: memory")
	f.String("guard", d.Guard, "off; unsafe is not in this version")
	f.String("log", d.Log, "auto, json or text; auto is text on a terminal")
	f.String("instance", d.Instance, "name of this instance in rulings; empty: a random one")
	env := func(f *pflag.Flag) { f.Usage += " (" + variable(f.Name) + ")" }
	f.VisitAll(env)
}

// variable is the environment variable of a flag.
func variable(flag string) string {
	return "INTERLOCK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// loadConfig puts the configuration together: the defaults, the file over them, the environment, the flags.
func loadConfig(cmd *cobra.Command) (config, error) {
	c, o := defaults(), &origin{given: map[string]string{}}
	value := func(name string) (text, from string) {
		if f := cmd.Flags().Lookup(name); f.Changed {
			return f.Value.String(), "--" + name
		}
		if text, ok := os.LookupEnv(variable(name)); ok {
			return text, variable(name)
		}
		return "", ""
	}
	if name, from := value("config"); from != "" && name != "" {
		if err := o.read(name, &c); err != nil {
			return c, err
		}
	}
	for name, field := range map[string]*string{
		"backend": &c.Backend, "listen": &c.Listen, "admin": &c.Admin, "forward": &c.Forward, "host": &c.Host,
		"store": &c.Store, "guard": &c.Guard, "log": &c.Log, "instance": &c.Instance,
	} {
		if text, from := value(name); from != "" {
			*field, o.given[name] = text, from
		}
	}
	return c, c.check(o)
}
