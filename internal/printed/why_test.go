package printed

import (
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

func TestWhy(t *testing.T) {
	for _, c := range []struct {
		d         rules.Diagnosis
		why, fix  string
		certainty rules.Certainty
	}{
		{
			rules.Diagnosis{ID: "a", Text: "The header is missing", Cause: "The proxy removed it", Basis: `Via: "1.1 x"`, Fix: "x: on"},
			`The header is missing; the proxy removed it (likely: Via: "1.1 x")`, "x: on", rules.Likely,
		},
		{
			rules.Diagnosis{ID: "a", Text: "It is gone", Cause: "Envoy removed it", Fix: "Envoy: on\nnginx: on"},
			"It is gone; Envoy removed it (possible)", "Envoy: on   (more: interlock diagnoses a)", rules.Possible,
		},
		{
			rules.Diagnosis{ID: "a", Text: "60 s ± 0.2 s", Cause: "The client closed", Basis: "code 1000", Fix: "nothing", Explains: []string{"A", "B"}},
			"60 s ± 0.2 s; the client closed (code 1000); explains A, B", "nothing", rules.Certain,
		},
		{rules.Diagnosis{ID: "a", Text: "a\x1b[31m\n\xff\u202e\ufffd", Fix: "b\rc"}, `a\x1b[31m\x0a\xff\xe2\x80\xae` + "\ufffd", `b\x0dc`, rules.Certain},
	} {
		c.d.Certainty = c.certainty
		if got := Why(&c.d); got != c.why {
			t.Errorf("got %q, want %q", got, c.why)
		}
		if got := Fix(&c.d); got != c.fix {
			t.Errorf("got %q, want %q", got, c.fix)
		}
	}
}
