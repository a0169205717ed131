package rules

import (
	"strings"
	"testing"
)

// TestCommonNamesAreNotSecret checks that the names that are recognized as they are would not be
// secret by their words either: they are not, written in another way.
func TestCommonNamesAreNotSecret(t *testing.T) {
	common := 0
	for _, name := range strings.Fields(`Host User-Agent Upgrade Connection Origin Accept Accept-Encoding Accept-Language Cache-Control Pragma Date Server Via
		Content-Length Content-Type Sec-WebSocket-Version Sec-WebSocket-Key Sec-WebSocket-Accept Sec-WebSocket-Extensions Sec-WebSocket-Protocol
		Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Real-IP`) {
		if isCommonName([]byte(name)) {
			common++
		}
		for _, written := range []string{name, strings.ToLower(name), name + " ", "-" + name} {
			if isSecretName([]byte(written)) {
				t.Errorf("%q is taken for the name of a secret", written)
			}
		}
	}
	if common != 27 {
		t.Errorf("%d names are common ones, want 27", common)
	}
	for _, name := range []string{"Cookie", "X-Api-Key", "apikey", "accessToken", "X-XSRF", "x-amz-date", "CookiE", "mypasswd", "AuthKey", "sess2", "signature", "key", "code", "jwt", "samlResponse"} {
		if !isSecretName([]byte(name)) {
			t.Errorf("%q is not taken for the name of a secret", name)
		}
	}
}
