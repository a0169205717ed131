package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/accept"
)

// TestTheAnnotatedConfigurationIsTheDefault checks that the file shows every key with its default
// value.
func TestTheAnnotatedConfigurationIsTheDefault(t *testing.T) {
	got, want := Config{}, Defaults()
	want.Backend = "http://127.0.0.1:3000"
	o := &Origin{}
	if err := o.Read("../../configs/interlock.yaml", &got); err != nil {
		t.Fatal(err)
	}
	want.Rules.Protocols, want.Rules.Origins, want.Rules.Off, want.Rules.Secrets = []string{}, []string{}, []string{}, []string{}
	want.Redact.Names, want.Redact.Allow = []string{}, []string{}
	want.Rules.Severity = map[string]string{}
	want.Probes.Authorized, want.Admin.Names = []string{}, []string{}
	want.Baseline, want.Accept, want.Expect, want.Rules.Endpoints = []string{}, []accept.Written{}, []expectConfig{}, []endpointConfig{}
	want.TLS.H2Audit, want.TLS.H2Pass, want.TLS.H2Refuse = []string{}, []string{}, []string{}
	want.TLS.Certificates, want.ProxyFrom, want.Listeners, want.Routes = []certificateConfig{}, []string{}, []ListenerConfig{}, []RouteConfig{}
	want.Forward.PassThrough, want.Forward.Users = []string{}, map[string]string{}
	want.File, want.Stamp = got.File, got.Stamp
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if err := got.Check(o); err != nil {
		t.Error(err)
	}
}

func TestBackendAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"http://staging": "[staging:80] false", "http://[::1]:3000/": "[[::1]:3000] false", "ws://a:1": "[a:1] false", "http://a:": "[a:80] false",
		"https://a": "[a:443] true", "wss://a:1, https://b": "[a:1 b:443] true", "unix:/run/app.sock": "[unix:/run/app.sock] false",
	} {
		got, secure, err := BackendAddresses(text)
		if shown := fmt.Sprint(got, secure); shown != want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", text, shown, err, want)
		}
	}
	for text, want := range map[string]string{
		"staging:3000": "must be a URL", "": "must be a URL", "https://a,http://b": "use http for all", "unix:app.sock": "whole path", "http://a/path": "a host and a port only", "http://u@a": "a host and a port only", "ftp://a": "the scheme",
	} {
		if _, _, err := BackendAddresses(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
