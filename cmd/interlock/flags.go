package main

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/help"
)

// configFlags adds the flags of configuration keys.
func configFlags(cmd *cobra.Command) {
	d := config.Defaults()
	f := cmd.Flags()
	f.String("listen", d.Listen, "`address` of the reverse listener")
	f.String("admin", d.Admin.Listen, "`address` of the pages and the API")
	f.String("forward", d.Forward.Listen, "`address` of the forward proxy listener")
	f.String("store", d.Store, "where findings are stored: `file`, PostgreSQL URL, memory")
	f.String("tls-cert", "", "PEM `file` with the certificate of the listener")
	f.String("tls-key", "", "PEM `file` with its private key")
	f.String("admin-token-file", "", "`file` with the token that the admin address requires")
	f.String("otel-endpoint", d.Otel.Endpoint, "`URL` of an OpenTelemetry collector (OTLP/HTTP)")
	f.String("log", d.Log, "`format` of the log: auto, json, text")
	f.String("hop", "", "`name` of its place on the path; like --instance")
	backendFlags(cmd)
	help.Group(cmd, help.Target, "listen", "admin", "forward")
	help.Group(cmd, help.Credentials, "tls-cert", "tls-key", "admin-token-file")
	help.Group(cmd, help.Output, "store", "otel-endpoint", "log")
	help.Variable(cmd, "listen", "admin", "forward", "store", "tls-cert", "tls-key", "admin-token-file", "otel-endpoint", "log", "hop")
	configFlag(cmd)
	completeFixed(cmd, "log", "auto", "json", "text")
}

// configFlag adds the flag that names the configuration.
func configFlag(cmd *cobra.Command) {
	cmd.Flags().String("config", "", "configuration `file`")
	help.Variable(cmd, "config")
}

// backendFlags adds the flags about the connection to the backend.
func backendFlags(cmd *cobra.Command) {
	d := config.Defaults()
	f := cmd.Flags()
	f.String("backend", d.Backend, "`URL` of the backend, such as http://127.0.0.1:3000")
	f.String("host", d.Host, "Host header that the backend gets, if not the client's")
	f.String("guard", d.Guard, "`mode` off, or unsafe: replace an unsafe 101 by a 502")
	f.String("frames", d.Frames, "`mode` off, facts, or messages: what to keep of tunnels")
	f.String("backend-ca", "", "PEM `file` with the authorities to trust")
	f.String("backend-cert", "", "PEM `file` with the client certificate for the backend")
	f.String("backend-key", "", "PEM `file` with its private key")
	f.Bool("insecure", false, "do not verify the backend's TLS certificate")
	f.String("instance", d.Instance, "`name` of this instance in reports (default random)")
	help.Group(cmd, help.Target, "backend", "host", "guard", "frames")
	help.Group(cmd, help.Credentials, "backend-ca", "backend-cert", "backend-key", "insecure")
	help.Variable(cmd, "backend", "host", "guard", "frames", "backend-ca", "backend-cert", "backend-key", "insecure", "instance")
	completeFixed(cmd, "guard", "off", "unsafe")
	completeFixed(cmd, "frames", "off", "facts", "messages")
}

// valueOf returns the value of a flag or else its variable, and the name of that one.
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
		"store": &c.Store, "guard": &c.Guard, "frames": &c.Frames, "log": &c.Log, "instance": &c.Instance,
	} {
		if text, from := value(name); from != "" {
			*field, o.Given[cmp.Or(keys[name], name)] = text, from
		}
	}
	if text, from := value("hop"); from != "" {
		c.Instance, o.Given["instance"] = text, from
	}
	c.Forward.Alone = c.Forward.Alone || o.Given["forward"] != ""
	c.Admin.Alone = c.Admin.Alone || o.Given["admin"] != ""
	c.TLSFlags(value, o)
	c.OtelFlags(value, o)
	return c, o, nil
}

// keysOfFlags are the top-level keys that have flags.
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
