package lab

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gobwas/httphead"
	"golang.org/x/net/http/httpguts"
)

// A check is one of a server's checks of a WebSocket handshake. A fault leaves some out.
type check uint

const (
	checkMethod      check = 1 << iota // GET
	checkHTTP11                        // HTTP/1.1 or later
	checkHost                          // a Host, well-formed
	checkOneHost                       // only one
	checkUpgrade                       // something like websocket in Upgrade
	checkProtocol                      // precisely the protocol websocket in Upgrade
	checkConnection                    // something like upgrade in Connection
	checkOption                        // precisely the option upgrade in Connection
	checkKey                           // a key
	checkOneKey                        // only one
	checkKeyForm                       // 16 bytes in base64
	checkVersion                       // 13, once
	checkOrigin                        // absent, or the host's own
	checkSubprotocol                   // tokens, each once
	checkExtension                     // well-formed
	checkContent                       // none
)

// refuse returns the reply to a handshake that must not be switched, or nil for a valid one. The
// order is that of RFC 6455 §4.2.1. The last check is not from there: a handshake with content is
// legal, but a server that does not read the content must not switch before it, and no backend here
// reads it.
func refuse(r *http.Request, leftOut check) *reply {
	wants := func(c check) bool { return leftOut&c == 0 }
	connection, keys := r.Header["Connection"], r.Header.Values("Sec-WebSocket-Key")
	switch {
	case wants(checkMethod) && r.Method != http.MethodGet:
		return refusal(http.StatusMethodNotAllowed, "the method is %q, not GET", r.Method)
	case wants(checkHTTP11) && (r.ProtoMajor != 1 || r.ProtoMinor < 1):
		return refusal(http.StatusBadRequest, "the version is %q, not HTTP/1.1", r.Proto)
	case wants(checkHost) && !validHost(r.Host):
		return refusal(http.StatusBadRequest, "the Host is %q", r.Host)
	case wants(checkOneHost) && len(r.Header["Host"]) > 1: // net/http rejects these itself and keeps no Host here
		return refusal(http.StatusBadRequest, "there are several Hosts: %q", r.Header["Host"])
	case wants(checkUpgrade) && !strings.Contains(lower(strings.Join(r.Header["Upgrade"], ",")), "websocket"),
		wants(checkProtocol) && !offers(r, "websocket"):
		return refusal(http.StatusUpgradeRequired, "no websocket in Upgrade %q", r.Header["Upgrade"])
	case wants(checkConnection) && !strings.Contains(lower(strings.Join(connection, ",")), "upgrade"),
		wants(checkOption) && !httpguts.HeaderValuesContainsToken(connection, "upgrade"):
		return refusal(http.StatusBadRequest, "no upgrade in Connection %q", connection)
	case wants(checkKey) && len(keys) == 0:
		return refusal(http.StatusBadRequest, "no Sec-WebSocket-Key")
	case wants(checkOneKey) && len(keys) > 1:
		return refusal(http.StatusBadRequest, "there are several keys: %q", keys)
	case wants(checkKeyForm) && slices.ContainsFunc(keys, malformedKey):
		return refusal(http.StatusBadRequest, "the key %q is not 16 bytes in base64", keys)
	case wants(checkVersion) && !slices.Equal(r.Header.Values("Sec-WebSocket-Version"), []string{"13"}):
		return refusal(http.StatusUpgradeRequired, "the version is %q, not 13", r.Header.Values("Sec-WebSocket-Version"))
	case wants(checkOrigin) && !sameOrigin(r):
		return refusal(http.StatusForbidden, "the Origin %q is not that of %q", r.Header["Origin"], r.Host)
	case wants(checkSubprotocol) && !validSubprotocols(r.Header.Values("Sec-WebSocket-Protocol")):
		return refusal(http.StatusBadRequest, "the subprotocols %q are not tokens", r.Header.Values("Sec-WebSocket-Protocol"))
	case wants(checkExtension) && !validExtensions(r.Header.Values("Sec-WebSocket-Extensions")):
		return refusal(http.StatusBadRequest, "the extensions %q are malformed", r.Header.Values("Sec-WebSocket-Extensions"))
	case wants(checkContent) && hasContent(r):
		return refusal(http.StatusBadRequest, "the handshake announces content")
	}
	return nil
}

// refusal returns a response that gives the reason, with the headers that its status requires: for
// 405 RFC 9110 §15.5.6, for 426 RFC 9110 §15.5.22 and §7.8, and RFC 6455 §4.4.
func refusal(status int, format string, seen ...any) *reply {
	fields := http.Header{}
	switch status {
	case http.StatusMethodNotAllowed:
		fields["Allow"] = []string{"GET"}
	case http.StatusUpgradeRequired:
		fields["Upgrade"] = []string{"websocket"}
		fields["Connection"] = []string{"Upgrade"}
		fields["Sec-WebSocket-Version"] = []string{"13"}
	}
	return &reply{status, fields, "no WebSocket handshake: " + fmt.Sprintf(format, seen...) + "\n"}
}

// offers reports whether the Upgrade header lists that protocol without a version (RFC 9110 §7.8).
func offers(r *http.Request, protocol string) bool {
	return httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], protocol)
}

// validHost reports whether the value is a uri-host with or without a port (RFC 9110 §7.2), and not
// empty.
func validHost(host string) bool {
	u, err := url.Parse("//" + host)
	return err == nil && host != "" && u.Host == host && httpguts.ValidHostHeader(host)
}

// malformedKey reports whether the value is other than 16 bytes in padded base64 (RFC 6455 §4.1).
// The shape is looked at first, as encoding/base64 skips line ends.
func malformedKey(key string) bool {
	nonce, err := base64.StdEncoding.DecodeString(key)
	return len(key) != 24 || err != nil || len(nonce) != 16
}

// sameOrigin reports whether the request comes from no web page, or from a page of the same host
// (RFC 6455 §10.2).
func sameOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) != 1 {
		return len(origins) == 0
	}
	u, err := url.Parse(origins[0])
	return err == nil && lower(u.Host) == lower(r.Host)
}

// validSubprotocols reports whether the header is absent or a list of different tokens (RFC 6455
// §4.1, §11.3.4).
func validSubprotocols(values []string) bool {
	var seen []string
	for member := range strings.SplitSeq(strings.Join(values, ","), ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		if !httpguts.ValidHeaderFieldName(member) || slices.Contains(seen, member) {
			return false
		}
		seen = append(seen, member)
	}
	return len(values) == 0 || len(seen) > 0
}

// validExtensions reports whether the header is absent or follows the grammar of RFC 6455 §9.1.
func validExtensions(values []string) bool {
	return len(values) == 0 || httphead.ScanOptions([]byte(strings.Join(values, ",")),
		func(int, []byte, []byte, []byte) httphead.Control { return httphead.ControlContinue })
}

// acceptFor returns the Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2).
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// lower lowers the ASCII letters and no others: unicode.ToLower makes k of U+212A.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}
