package main

import (
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

// loadConfig puts the configuration together: the defaults, the file over them, the environment, the flags.
func loadConfig(cmd *cobra.Command) (config.Config, error) {
	c, o := config.Defaults(), &config.Origin{Given: map[string]string{}}
	value := func(name string) (text, from string) {
		if f := cmd.Flags().Lookup(name); f.Changed {
			return f.Value.String(), "--" + name
		}
		if text, ok := os.LookupEnv(config.Variable(name)); ok {
			return text, config.Variable(name)
		}
		return "", ""
	}
	if name, from := value("config"); from != "" && name != "" {
		if err := o.Read(name, &c); err != nil {
			return c, err
		}
	}
	for name, field := range map[string]*string{
		"backend": &c.Backend, "listen": &c.Listen, "admin": &c.Admin.Listen, "forward": &c.Forward.Listen, "host": &c.Host,
		"backend-ca": &c.BackendTLS.CA, "backend-cert": &c.BackendTLS.Cert, "backend-key": &c.BackendTLS.Key, "admin-token-file": &c.AdminToken,
		"store": &c.Store, "guard": &c.Guard, "log": &c.Log, "instance": &c.Instance,
	} {
		if text, from := value(name); from != "" {
			*field, o.Given[name] = text, from
		}
	}
	_, alone := o.Given["forward"]
	c.Forward.Alone = c.Forward.Alone || alone
	_, alone = o.Given["admin"]
	c.Admin.Alone = c.Admin.Alone || alone
	c.TLSFlags(value, o)
	c.OtelFlags(value, o)
	return c, c.Check(o)
}
