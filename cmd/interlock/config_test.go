package main

import (
	"reflect"
	"strings"
	"testing"
)

// TestTheAnnotatedConfigurationIsTheDefault holds that the file shows every key with the value that it has without a file.
func TestTheAnnotatedConfigurationIsTheDefault(t *testing.T) {
	got, want := config{}, defaults()
	want.Backend = "http://127.0.0.1:3000"
	o := &origin{}
	if err := o.read("../../configs/interlock.yaml", &got); err != nil {
		t.Fatal(err)
	}
	want.Rules.Protocols, want.Rules.Origins, want.Rules.Off, want.Rules.Secrets = []string{}, []string{}, []string{}, []string{}
	want.Rules.Severity = map[string]string{}
	want.Probes.Authorized = []string{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if err := got.check(o); err != nil {
		t.Error(err)
	}
}

func TestBackendAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"http://staging": "staging:80", "http://[::1]:3000/": "[::1]:3000", "ws://a:1": "a:1", "http://a:": "a:80",
	} {
		if got, err := backendAddress(text); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"staging:3000": "is no URL", "": "is no URL", "https://a": "not in this version", "http://a/path": "nothing else", "http://u@a": "nothing else", "ftp://a": "the scheme",
	} {
		if _, err := backendAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
