package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A field is a field line that a probe is to have.
type field struct{ name, value string }

// parseField reads Name: value. Its error does not show the value, which may be a secret.
func parseField(text string) (field, error) {
	name, value, ok := strings.Cut(text, ":")
	value = strings.Trim(value, " \t")
	switch {
	case !ok || !wire.IsToken(name):
		return field{}, fmt.Errorf("it is no field line such as Authorization: Bearer abc")
	case !httpguts.ValidHeaderFieldValue(value):
		return field{}, fmt.Errorf("the value of %s has a byte in it that no field value may have", name)
	}
	return field{name, value}, nil
}

// parseFields reads field lines, one a line; empty ones do not count. From is where they come from.
func parseFields(text, from string) ([]field, error) {
	var all []field
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSuffix(line, "\r"); strings.TrimSpace(line) == "" {
			continue
		}
		f, err := parseField(line)
		if err != nil {
			return nil, usage("%s, line %d: %w", from, i+1, err)
		}
		all = append(all, f)
	}
	return all, nil
}

// dress gives a base the field lines that the flags ask for. What has a flag of its own stands over lines of that name.
func (f *probeFlags) dress(h *rules.Handshake) error {
	all, err := f.fieldLines()
	if err != nil {
		return err
	}
	setFields(h, all)
	for _, each := range []struct{ flag, name, value string }{
		{"cookie", "Cookie", f.cookie}, {"subprotocol", "Sec-WebSocket-Protocol", f.subprotocol}, {"origin", "Origin", f.origin},
	} {
		if each.value == "" {
			continue
		}
		one, err := parseField(each.name + ": " + each.value)
		if err != nil {
			return usage("--%s: %w", each.flag, err)
		}
		setFields(h, []field{one})
	}
	return nil
}

// fieldLines are those of -H.
func (f *probeFlags) fieldLines() ([]field, error) {
	var all []field
	for _, text := range f.fields {
		if name, ok := strings.CutPrefix(text, "@"); ok {
			content, err := os.ReadFile(name)
			if err != nil {
				return nil, usage("-H @%s: %w", name, err)
			}
			lines, err := parseFields(string(content), name)
			if err != nil {
				return nil, err
			}
			all = append(all, lines...)
			continue
		}
		one, err := parseField(text)
		if err != nil {
			return nil, usage("-H: %w", err)
		}
		all = append(all, one)
	}
	return all, nil
}

// setFields gives a base these field lines. The first one of a name stands for what the base has of it, the others follow.
func setFields(h *rules.Handshake, fields []field) {
	for i, f := range fields {
		before := false
		for _, g := range fields[:i] {
			before = before || wire.EqualFold(f.name, g.name)
		}
		switch {
		case before:
			h.Lines = append(h.Lines, rules.Line{Name: f.name, Gap: ": ", Value: f.value, End: "\r\n"})
			continue
		case wire.EqualFold(f.name, "Host"):
			h.Host = f.value
		}
		rules.Set(f.name, f.value)(h)
	}
}
