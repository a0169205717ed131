package diagnose_test

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
)

// TestHopIsNamed holds that a proxy is named by what it leaves in the messages, on its side of Interlock.
func TestHopIsNamed(t *testing.T) {
	for name, want := range map[string]string{
		"stripped-upgrade":            "nginx in front of Interlock ",
		"stripped-upgrade-426":        "Envoy in front of Interlock ",
		"stripped-upgrade-apache":     "Apache in front of Interlock ",
		"stripped-upgrade-apache-tls": "Apache in front of Interlock ",
		"stripped-upgrade-traefik":    "Traefik in front of Interlock ",
		"stripped-upgrade-npm":        "Nginx Proxy Manager in front of Interlock ",
		"stripped-upgrade-two-hops":   "nginx in front of Interlock ",
		"stripped-upgrade-no-trace":   "A proxy that leaves no trace in the request ",
		"stripped-tailscale":          "Cloudflare in front of Interlock ",
		"stripped-key":                "CloudFront in front of Interlock ",
		"stripped-101":                "The proxy between Interlock and the server ",
		"stripped-101-nginx":          "nginx between Interlock and the server ",
	} {
		all := diagnose.Of(rules.Classify(rules.Case{X: exchange(t, "testdata/"+name+".wire")}))
		if len(all) != 1 || !strings.HasPrefix(all[0].Cause, want) {
			t.Errorf("%s: got %+v, want %q", name, all, want)
		}
	}
}
