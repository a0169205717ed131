package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAnUnknownCommandListsTheCommands(t *testing.T) {
	var out bytes.Buffer
	err := start(t.Context(), []string{"nosuch"}, &out)
	if err == nil || !strings.Contains(err.Error(), `"nosuch"`) {
		t.Errorf("got %v, want an error that names the command", err)
	}
	for _, c := range commands() {
		if !strings.Contains(out.String(), c.name) {
			t.Errorf("the usage does not list %s", c.name)
		}
	}
}
