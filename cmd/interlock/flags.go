package main

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/config"
)

// configFlags adds the flags that stand for keys of the configuration.
func configFlags(cmd *cobra.Command) {
	d := config.Defaults()
	f := cmd.Flags()
	f.String("backend", d.Backend, "the backend, as a URL such as http://127.0.0.1:3000")
	f.String("listen", d.Listen, "address of the reverse listener")
	f.String("admin", d.Admin.Listen, "address of the admin API, its pages and /healthz")
	f.String("forward", d.Forward.Listen, "address of the forward listener, for clients that are told to use a proxy; empty: none")
	f.String("host", d.Host, "value that every Host field gets on its way to the backend; empty: unchanged")
	f.String("config", "", "configuration file")
	f.String("store", d.Store, "where findings are kept: a file, a DSN such as postgres://user@host/database, or memory; empty: a file in the state directory")
	f.String("guard", d.Guard, "off, or unsafe: an unsafe switch does not reach the client")
	f.String("backend-ca", "", "file with the authorities that the backend's certificate is checked by, in PEM (default the system's)")
	f.String("backend-cert", "", "file with the certificate to show to the backend, in PEM")
	f.String("backend-key", "", "file with its key, in PEM")
	f.Bool("insecure", false, "take any certificate of the backend")
	f.String("tls-cert", "", "file with the certificate of the reverse listener, in PEM; without one it speaks no TLS")
	f.String("tls-key", "", "file with its key, in PEM")
	f.String("admin-token-file", "", "file with the token that the admin address asks for; beyond loopback it needs one")
	f.String("otel-endpoint", d.Otel.Endpoint, "URL of an OpenTelemetry collector that traces are sent to (OTLP/HTTP); empty: what OTEL_EXPORTER_OTLP_ENDPOINT says")
	f.String("log", d.Log, "auto, json or text; auto is text on a terminal")
	f.String("instance", d.Instance, "name of this instance in rulings; empty: a random one")
	env := func(f *pflag.Flag) { f.Usage += " (" + config.Variable(f.Name) + ")" }
	f.VisitAll(env)
}

// valueOf looks up what a flag, or else its variable, says, and the name of the one that says it.
func valueOf(cmd *cobra.Command) func(name string) (text, from string) {
	return func(name string) (text, from string) {
		f := cmd.Flags().Lookup(name)
		if f == nil {
			return "", ""
		}
		if f.Changed {
			return f.Value.String(), "--" + name
		}
		if text, ok := config.LookupVariable(name); ok {
			return text, config.Variable(name)
		}
		return "", ""
	}
}

// readConfig reads the file that a flag or a variable names over the defaults, and then the flags and variables over that.
func readConfig(cmd *cobra.Command) (config.Config, *config.Origin, error) {
	c, o := config.Defaults(), &config.Origin{Given: map[string]string{}}
	value, keys := valueOf(cmd), keysOfFlags()
	o.Environment(os.Environ())
	if name, _ := value("config"); name != "" {
		if err := o.Read(name, &c); err != nil {
			return c, o, err
		}
	}
	for name, field := range map[string]*string{
		"backend": &c.Backend, "listen": &c.Listen, "admin": &c.Admin.Listen, "forward": &c.Forward.Listen, "host": &c.Host,
		"backend-ca": &c.BackendTLS.CA, "backend-cert": &c.BackendTLS.Cert, "backend-key": &c.BackendTLS.Key, "admin-token-file": &c.AdminToken,
		"store": &c.Store, "guard": &c.Guard, "log": &c.Log, "instance": &c.Instance,
	} {
		if text, from := value(name); from != "" {
			*field, o.Given[cmp.Or(keys[name], name)] = text, from
		}
	}
	c.Forward.Alone = c.Forward.Alone || o.Given["forward"] != ""
	c.Admin.Alone = c.Admin.Alone || o.Given["admin"] != ""
	c.TLSFlags(value, o)
	c.OtelFlags(value, o)
	return c, o, nil
}

// keysOfFlags are the keys at the top that flags stand for.
func keysOfFlags() map[string]string {
	all := map[string]string{}
	for _, k := range config.Keys() {
		if k.Flag != "" && k.Depth == 0 {
			all[k.Flag] = k.Path
		}
	}
	return all
}

// loadConfig puts the configuration together: the defaults, the file over them, the environment, the flags.
func loadConfig(cmd *cobra.Command) (config.Config, error) {
	c, o, err := readConfig(cmd)
	if err != nil {
		return c, err
	}
	return c, c.Check(o)
}
