package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAllFaultsAreReportedAtOnce reads a file in which every line has another error.
func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	text := `backnd: http://127.0.0.1:99999
listen: 127.0.0.1:70000
limits: {dial: 3 parsecs, head: 10, connections: many, patience: 3s}
evidence: {bytes: 64 MiB, keep: al}
routes:
  - {name: a, hosts: ["*.example"], backend: http://127.0.0.1:1}
  - {name: b, hosts: ["x.example", "*.Y.example"], backend: http://127.0.0.1:99999}
first_byte: 5m
store: mongodb://root:pa55@x
rules: 5
admin: [1]
accept:
  - {rul: UPGRADE-POST, reason: x}
  - nonsense
forward: {listen: "127.0.0.1:70000", users: {bob: pa55}, users_fil: x}
admin_tokn: pa55
`
	name := filepath.Join(t.TempDir(), "interlock.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, o := Defaults(), &Origin{Given: map[string]string{"guard": "--guard"}}
	c.Guard = "perhaps"
	o.Environment([]string{"INTERLOCK_BAKCEND=x", "INTERLOCK_SERVICE_HOST=10.0.0.1", "INTERLOCK_HOME=/", "INTERLOCK_ADMN_TOKEN_FILE=y"})
	if err := o.Read(name, &c); err != nil {
		t.Fatal(err)
	}
	err := c.Check(o)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	got := strings.ReplaceAll(err.Error(), name, "FILE")
	for _, want := range []string{
		"INTERLOCK_BAKCEND: unknown variable; did you mean INTERLOCK_BACKEND?", "INTERLOCK_ADMN_TOKEN_FILE: unknown variable; did you mean INTERLOCK_ADMIN_TOKEN_FILE?",
		`--guard: must be off or unsafe, not "perhaps"`,
		`FILE:1:1: unknown key "backnd"; did you mean backend?` + "\n  1 | backnd: ...", `FILE:2:9: listen: "127.0.0.1:70000": the port must be a number from 0 to 65535`,
		"FILE:3:16: limits.dial: must be a duration with a unit, such as 10s, 5m or 30d, not \"3 parsecs\"", `limits.head: must be a duration with a unit, such as 10s, 5m or 30d, not "10"`,
		`limits.connections: must be a whole number, not "many"`, `unknown key "patience"`, `FILE:4:33: evidence.keep: must be redacted, full or none, not "al"`,
		"routes[1].name: no connection reaches this route: a (routes[0]) matches all of them first", `routes[1].backend: "http://127.0.0.1:99999": the port must be a number from 1 to 65535`,
		`FILE:8:1: unknown key "first_byte"; it belongs under limits`, `FILE:9:8: store: unknown scheme "mongodb"`, `rules: must be a mapping of keys, not "5"`,
		"admin: must be an address, or a mapping of keys, not a list", `unknown key "rul"; did you mean rule?`, `accept[1]: must be a mapping of keys, not "nonsense"`, `unknown key "users_fil"; did you mean users_file?`,
		`unknown key "admin_tokn"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, bad := range []string{"pa55", "routes[0].guard", "Go ", "struct", "backend: is missing", "SERVICE_HOST", "INTERLOCK_HOME"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is in it", bad)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestWrongFormsNameNoGoTypes gives each key a value of each YAML kind.
func TestWrongFormsNameNoGoTypes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "interlock.yaml")
	for _, k := range Keys() {
		for _, value := range []string{"text", "5", "99999999999999999999999", "1.5", "true", "[a, [b]]", "{a: b}", "{a: {b: c}}", "null", "2026-01-01", "!!binary aGk=", "|\n    x"} {
			text := value
			parts := strings.Split(k.Path, ".")
			for i := len(parts) - 1; i >= 0; i-- {
				key, element := strings.CutSuffix(parts[i], "[]")
				if element {
					text = "[" + text + "]"
				}
				if text = key + ": " + text; i > 0 {
					text = "{" + text + "}"
				}
			}
			if strings.Contains(value, "\n") && len(parts) > 1 {
				continue // a block cannot be part of a one-line mapping
			}
			if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, o := Defaults(), &Origin{}
			err := o.Read(name, &c)
			if err == nil {
				err = c.Check(o)
			}
			if err == nil {
				continue
			}
			for _, bad := range []string{" Go ", "struct field", "config.", "cannot unmarshal", "reflect"} {
				if strings.Contains(err.Error(), bad) {
					t.Errorf("%s: %v", text, err)
				}
			}
		}
	}
}

func TestAnchorsAndMergesAreRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "interlock.yaml")
	text := `backend: http://127.0.0.1:1
backend_tls: &tls {server_name: a.example}
listeners:
  - &l {listen: 127.0.0.1:1, proxy_from: [10.0.0.0/8]}
  - {<<: *l, listen: 127.0.0.1:2}
  - {listen: 127.0.0.1:3, <<: *l}
routes:
  - {name: a, sni: [x], backend: https://127.0.0.1:1, backend_tls: *tls}
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, o := Defaults(), &Origin{}
	if err := o.Read(name, &c); err != nil {
		t.Fatal(err)
	}
	if len(o.Faults()) > 0 || c.Routes[0].BackendTLS.ServerName != "a.example" || c.Listeners[1].Listen != "127.0.0.1:2" || c.Listeners[2].Listen != "127.0.0.1:3" || len(c.Listeners[1].ProxyFrom) != 1 {
		t.Errorf("got %+v, %v", c, o.Faults())
	}
}

func TestSizesAndDurations(t *testing.T) {
	for text, want := range map[string]size{"0": 0, "67108864": 64 << 20, "64MiB": 64 << 20, "64 MiB": 64 << 20, "1.5kB": 1500, "1GB": 1e9, "2TiB": 2 << 40} {
		if got, err := parseSize(text); got != want || err != nil {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "MiB", "64M", "64 mib", "1e9", "99999999999TiB", "64  MiB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	for text, want := range map[string]string{"10s": "10s", "300s": "5m", "720h": "720h", "30d": "720h", "90s": "1m30s", "0": "0s", "1500ms": "1.5s"} {
		if d, err := parseDuration(text); (duration{d}).String() != want || err != nil {
			t.Errorf("%s: got %v, %v", text, duration{d}, err)
		}
	}
}

func TestShadowedRoutes(t *testing.T) {
	for _, c := range []struct {
		first, second RouteConfig
		want          bool
	}{
		{RouteConfig{Hosts: []string{"*"}}, RouteConfig{Hosts: []string{"a"}}, true},
		{RouteConfig{Hosts: []string{"*.example"}}, RouteConfig{Hosts: []string{"*.b.Example"}}, true},
		{RouteConfig{Hosts: []string{"*.b.example"}}, RouteConfig{Hosts: []string{"*.example"}}, false},
		{RouteConfig{Hosts: []string{"?.example"}}, RouteConfig{Hosts: []string{"*.example"}}, false},
		{RouteConfig{Listen: ":1"}, RouteConfig{Listen: ":1", Hosts: []string{"a"}}, true},
		{RouteConfig{Listen: ":1"}, RouteConfig{Listen: ":2"}, false},
		{RouteConfig{Listen: ":1", SNI: []string{"a"}}, RouteConfig{Listen: ":1"}, false},
		{RouteConfig{SNI: []string{"*"}}, RouteConfig{Hosts: []string{"a"}}, false},
	} {
		if got := c.first.covers(&c.second); got != c.want {
			t.Errorf("%+v, %+v: got %t", c.first, c.second, got)
		}
	}
}

// TestAFileThatIsNoTextIsNotShown holds that no bytes of a binary file get to the terminal.
func TestAFileThatIsNoTextIsNotShown(t *testing.T) {
	for _, text := range []string{"a: |\xff\x1b[2J\n", "a: \x00\n"} {
		name := filepath.Join(t.TempDir(), "interlock.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := Defaults()
		err := new(Origin).Read(name, &c)
		if want := name + ": it is not a text in UTF-8; a configuration file is YAML, and interlock init writes one"; err == nil || err.Error() != want {
			t.Errorf("got %q", err)
		}
	}
}
