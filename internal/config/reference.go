package config

import (
	"fmt"
	"strings"
)

// Reference is the reference of the configuration, in Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Configuration reference\n\n" +
		"This page is generated from the program (`go test ./internal/config -update`). [configs/interlock.yaml](../configs/interlock.yaml) has the same keys as a file, " +
		"and [configs/interlock.schema.json](../configs/interlock.schema.json) is a JSON schema for editors.\n\n" +
		"A value comes from the first of these that has it: the flag, the environment variable, the file that `--config` or `INTERLOCK_CONFIG` names, the default. " +
		"`interlock check FILE` validates a configuration and shows what it does; `interlock check --print FILE` shows every value with its origin. Unknown keys are errors.\n\n" +
		"- **Durations** have a unit: `10s`, `5m`, `720h`, `30d`.\n- **Sizes** are a number of bytes, or have a unit: `64MiB`, `500kB`, `1GiB`.\n" +
		"- **Applies at**: *reload* means that `SIGHUP`, a changed file or `POST /api/v1/reload` is enough; connections that are open keep the old value.\n\n")
	table(&b, "Keys", func(k *Key) bool { return !strings.Contains(k.Path, "[]") })
	for _, list := range []string{"listeners", "routes", "rules.endpoints", "accept", "expect"} {
		table(&b, "Each of `"+list+"`", func(k *Key) bool { return strings.HasPrefix(k.Path, list+"[]") })
	}
	b.WriteString("## Variables\n\nEach of these flags of `serve`, `check` and `run` can be given as an environment variable. Other flags have no variable.\n\n| flag | variable |\n|---|---|\n")
	for _, flag := range VariableFlags() {
		fmt.Fprintf(&b, "| `--%s` | `%s` |\n", flag, Variable(flag))
	}
	b.WriteString("\nA variable that is set to a misspelt name, such as `INTERLOCK_BAKCEND`, is an error. " +
		"Variables that Kubernetes sets for a Service named `interlock` (`INTERLOCK_SERVICE_HOST`, `INTERLOCK_PORT` and the like) are ignored.\n" +
		"`OTEL_EXPORTER_OTLP_ENDPOINT` and the other variables of OpenTelemetry are described in [observability.md](observability.md#traces).\n")
	return b.String()
}

// table writes the keys that are wanted.
func table(b *strings.Builder, title string, wanted func(k *Key) bool) {
	fmt.Fprintf(b, "## %s\n\n| key | type | default | flag, variable | applies at | meaning |\n|---|---|---|---|---|---|\n", title)
	for _, k := range Keys() {
		if !wanted(&k) {
			continue
		}
		kind, value, applies, text := k.Type, "", "restart", k.Text
		if k.Unit() != "" {
			kind += " (" + k.Unit() + ")"
		}
		if k.Default != "" {
			value = "`" + k.Default + "`"
		}
		if k.Reload {
			applies = "reload"
		}
		if len(k.Values) > 0 {
			text += " One of: `" + strings.Join(k.Values, "`, `") + "`."
		}
		if k.Example != "" {
			text += fmt.Sprintf(" Example: `%s`.", k.Example)
		}
		if k.Group && !strings.Contains(k.Path, "[]") {
			kind, value = "mapping", ""
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", k.Path, kind, value, strings.Join(k.names(), ", "), applies, strings.ReplaceAll(text, "|", `\|`))
	}
	b.WriteString("\n")
}
