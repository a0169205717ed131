package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEndpointsThatRequireCredentials reads what is known of endpoints, for all routes and for one.
func TestEndpointsThatRequireCredentials(t *testing.T) {
	read := func(text string) (Config, error) {
		name := filepath.Join(t.TempDir(), "interlock.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, o := Defaults(), &Origin{}
		if err := o.Read(name, &c); err != nil {
			t.Fatal(err)
		}
		return c, c.Check(o)
	}
	c, err := read(`backend: http://127.0.0.1:3000
rules: {endpoints: [{endpoint: /chat, auth: required}, {endpoint: /rooms/17, auth: required}]}
routes: [{name: a, hosts: [a.test], backend: "http://127.0.0.1:3001", rules: {endpoints: [{endpoint: "/admin/*", auth: required}]}}]
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RuleOptions().Auth; !slices.Equal(got, []string{"/chat", "/rooms/{id}"}) {
		t.Errorf("got %q", got)
	}
	if got := c.RouteOptions()["a"].Auth; !slices.Equal(got, []string{"/admin/*"}) {
		t.Errorf("got %q", got)
	}
	_, err = read(`backend: http://127.0.0.1:3000
rules: {endpoints: [{auth: required}, {endpoint: /chat, auth: yes}, {endpoint: chat?x, auth: required}]}
`)
	for _, want := range []string{"rules.endpoints[0]: the endpoint is missing", `rules.endpoints[1].auth: must be required, not `, "rules.endpoints[2].endpoint: \"chat?x\" is not an endpoint"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
