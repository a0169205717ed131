package config

import (
	"fmt"
	"strings"
)

// lineLength is the maximum length of lines in generated comments.
const lineLength = 100

// Annotated returns a configuration with every key, its default, and a comment about its purpose.
func Annotated() string {
	var b strings.Builder
	b.WriteString("# yaml-language-server: $schema=interlock.schema.json\n")
	b.WriteString("# Every key of Interlock's configuration with its default. This file is generated from the program:\n" +
		"# interlock init --full prints it, docs/configuration.md has the same as a table.\n" +
		"# A flag overrides its INTERLOCK_ variable, and the variable overrides this file. Unknown keys are errors.\n" +
		"# interlock check FILE validates a configuration and shows what it does.\n")
	for _, k := range Keys() {
		if strings.Contains(k.Path, "[]") {
			continue // the comment of the list names the keys of its elements
		}
		indent := strings.Repeat("  ", k.Depth)
		if k.Depth == 0 {
			b.WriteString("\n")
		}
		comment(&b, indent, k.Text+k.given())
		if parts := k.elements(); len(parts) > 0 {
			comment(&b, indent, "Each has: "+strings.Join(parts, ", ")+".")
		}
		if len(k.Values) > 0 {
			comment(&b, indent, "One of: "+strings.Join(k.Values, ", ")+".")
		}
		value := k.Default
		switch {
		case k.Path == "backend":
			value = k.Example
		case k.Example != "":
			fmt.Fprintf(&b, "%s# Example: %s: %s\n", indent, k.Name(), k.Example)
		}
		fmt.Fprintln(&b, strings.TrimRight(indent+k.Name()+": "+value, " "))
	}
	return b.String()
}

// given names the flag and the variable of a key.
func (k *Key) given() string {
	names := k.names()
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.ReplaceAll(strings.Join(names, ", "), "`", "") + ")"
}

// names returns the flags and variables of a key in Markdown.
func (k *Key) names() []string {
	if k.Flag == "" {
		return nil
	}
	names := []string{"`--" + k.Flag + "`", "`" + Variable(k.Flag) + "`"}
	if k.Flag == "tls-cert" {
		names = append(names, "`--tls-key`", "`"+Variable("tls-key")+"`")
	}
	return names
}

// elements returns the keys of each element of a list.
func (k *Key) elements() (names []string) {
	if k.Path == "tls.certificates" {
		return []string{"cert", "key"}
	}
	for _, other := range Keys() {
		if rest, ok := strings.CutPrefix(other.Path, k.Path+"[]."); ok {
			names = append(names, rest)
		}
	}
	return names
}

// comment writes a text as lines of a comment.
func comment(b *strings.Builder, indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > lineLength {
			b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

// Minimal returns a short initial configuration for a backend.
func Minimal(backend string) string {
	return `# Configuration of Interlock. Check it with: interlock check interlock.yaml
# Start with it: interlock serve --config interlock.yaml
# All keys with their defaults: interlock init --full. A schema for editors: interlock init --schema

# The backend to audit: an http or https URL with a host and a port.
backend: ` + backend + `

# The address that clients use in place of the backend.
listen: 127.0.0.1:8426

# The pages and the API. Open http://127.0.0.1:9426 in a browser.
admin: 127.0.0.1:9426

# If the backend insists on its own name in the Host header:
# host: staging.example

# TLS at the listener:
# tls:
#   certificates: [{cert: staging.crt, key: staging.key}]

# Block unsafe 101 responses instead of only reporting them:
# guard: unsafe

# Findings that you have reviewed and accepted:
# accept:
#   - {rule: UPGRADE-POST, endpoint: "/legacy/*", reason: an old client, until: 2027-01-31}

# Endpoints that must be seen to accept an upgrade:
# expect:
#   - {endpoint: /chat, protocol: websocket}
`
}
