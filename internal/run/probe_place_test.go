package run

import (
	"net/netip"
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	for text, want := range map[string]place{
		"http://a":                        {"http", "a", "a", "80", "/", false},
		"HTTP://a:80/chat?x=1":            {"http", "a", "a", "80", "/chat?x=1", false},
		"ws://a:8080/":                    {"http", "a:8080", "a", "8080", "/", false},
		"https://a:443":                   {"https", "a", "a", "443", "/", false},
		"https://a:80/b%20c":              {"https", "a:80", "a", "80", "/b%20c", false},
		"wss://a":                         {"https", "a", "a", "443", "/", false},
		"http://[::1]:3000/":              {"http", "[::1]:3000", "::1", "3000", "/", false},
		"http://[::1]":                    {"http", "[::1]", "::1", "80", "/", false},
		"http://[::1]:80":                 {"http", "[::1]", "::1", "80", "/", false},
		"http://m\u00fcnchen.test/\u00e4": {"http", "xn--mnchen-3ya.test", "xn--mnchen-3ya.test", "80", "/%C3%A4", false},
		"http://a:/x":                     {"http", "a", "a", "80", "/x", false},
		"h2c://a:3000/ws":                 {"http", "a:3000", "a", "3000", "/ws", true},
		"http://a?q":                      {"http", "a", "a", "80", "/?q", false},
	} {
		if got, err := parsePlace(text); got != want || err != nil {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestPlacesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "has no scheme",
		"staging":                           `write http://staging, or`,
		"//staging/x":                       `write http://staging/x, or`,
		"staging:8080/chat?token=secret":    `write http://staging:8080/chat, or`,
		"user:secret@a/":                    "credentials",
		"http://user:secret@a/":             "credentials",
		"ftp://a?token=secret":              "the scheme must be http or https",
		"http://":                           "must be a URL",
		"http://a:99999/x?token=secret":     `"http://a:99999/x": the port must be a number from 1 to 65535, not "99999"`,
		"ws://a:0/":                         "the port must be a number from 1 to 65535",
		"http://:80/":                       "must be a URL",
		"http://a:b/":                       "must be a URL",
		"http://a/#x":                       "after #",
		"http://a/\r\nEvil: 1?token=secret": "must be a URL",
	} {
		_, err := parsePlace(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows a secret: %v", text, err)
		}
	}
	p, err := parsePlace("http://a/chat?token=secret")
	if err != nil || p.String() != "http://a/chat?token=******" {
		t.Errorf("got %s, %v", p, err)
	}
}

func TestPublicAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "fd00::1": false,
		"169.254.1.1": false, "fe80::1": false, "0.0.0.0": false, "::": false,
		"8.8.8.8": true, "172.32.0.1": true, "100.64.0.1": true, "2001:db8::1": true, "224.0.0.1": true,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

func TestWhatMayBeProbed(t *testing.T) {
	p, err := parsePlace("http://[2001:db8::1]:8080/")
	if err != nil {
		t.Fatal(err)
	}
	for _, authorized := range [][]string{nil, {"other"}, {"2001:db8::"}} {
		if _, err := p.find(t.Context(), authorized); err == nil || !strings.Contains(err.Error(), "--authorized 2001:db8::1, ") {
			t.Errorf("%q: got %v", authorized, err)
		}
	}
	for _, authorized := range [][]string{{"2001:DB8::1"}, {"other", "[2001:db8::1]:8080"}} {
		if ips, err := p.find(t.Context(), authorized); err != nil || len(ips) != 1 {
			t.Errorf("%q: got %v, %v", authorized, ips, err)
		}
	}
}
