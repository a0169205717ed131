package rules

import "testing"

// TestPublicReason holds that the reason of a Close frame is shown without secrets, and otherwise as it is.
func TestPublicReason(t *testing.T) {
	for reason, want := range map[string]string{
		"":              "",
		"token expired": "token expired",
		"no session 5f3a9c0d1e2b4a6c8d7e, id:5f3a9c0d1e2b4a6c8d7e": "no session ********************, id:********************",
		"bad token=abc123":           "bad token=******",
		"token=abc123; user=7, why?": "token=******; user=7, why?",
		`{"a":1}&access_token=x`:     `{"a":1}&access_token=*`,
		"caf\u00e9 (password=p)":     "caf\u00e9 (password=*)",
	} {
		if got := PublicReason(reason); got != want {
			t.Errorf("%q: got %q", reason, got)
		}
	}
}
