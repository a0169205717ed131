package config

import (
	"os"
	"path/filepath"
	"testing"
)

// hashOf returns the hash of a configuration file.
func hashOf(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "interlock.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, o := Defaults(), &Origin{}
	if err := o.Read(name, &c); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(o); err != nil {
		t.Fatal(err)
	}
	return c.Hash()
}

// TestAHashIsOfWhatTheConfigurationDoes compares configurations with one of them.
func TestAHashIsOfWhatTheConfigurationDoes(t *testing.T) {
	const first = "backend: http://a:3000\nguard: unsafe\nlimits: {head: 9s, dial: 8s}\nroutes:\n- {name: x, hosts: [x], backend: http://b:1}\n" +
		"forward: {listen: 127.0.0.1:8427, users: {me: pa55, you: w0rd}, upstream: http://me:pa55@proxy:3128}\nrules: {severity: {UPGRADE-POST: high, UPGRADE-HTTP10: low}}\n"
	want := hashOf(t, first)
	if len(want) != 64 {
		t.Fatalf("got %q", want)
	}
	for name, text := range map[string]string{
		"other order": "rules:\n  severity: {UPGRADE-HTTP10: low, UPGRADE-POST: high}\nforward: {upstream: http://me:pa55@proxy:3128, users: {you: w0rd, me: pa55}, listen: 127.0.0.1:8427}\n" +
			"routes: [{backend: http://b:1, hosts: [x], name: x}]\nlimits:\n  dial: 8s\n  head: 9s\nguard: unsafe\nbackend: http://a:3000\n",
		"own name, addresses and store": first + "instance: b\nlisten: 127.0.0.1:1\nadmin: 127.0.0.1:2\nstore: other.db\n",
		"a default that is given":       first + "frames: facts\nevidence: {first: 3}\n",
		"secrets":                       "backend: http://a:3000\nguard: unsafe\nlimits: {head: 9s, dial: 8s}\nroutes:\n- {name: x, hosts: [x], backend: http://b:1}\nforward: {listen: 127.0.0.1:8427, users: {me: other, you: secret}, upstream: http://you:other@proxy:3128}\nrules: {severity: {UPGRADE-POST: high, UPGRADE-HTTP10: low}}\n",
	} {
		if got := hashOf(t, text); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for name, text := range map[string]string{
		"another limit": first + "evidence: {first: 4}\n", "another listener": first + "listeners: [{listen: 127.0.0.1:3, proxy_from: [10.0.0.0/8]}]\n",
		"nothing else": "backend: http://a:3000", "probes": first + "probes: {identity: {command: echo a}}\n",
	} {
		if got := hashOf(t, text); got == want {
			t.Errorf("%s: got the same", name)
		}
	}
	if a, b := hashOf(t, first+"probes: {identity: {command: echo a}}"), hashOf(t, first+"probes: {identity: {command: echo b}}"); a != b {
		t.Error("a command that may contain a secret is part of the hash")
	}
}
