package run

import (
	"bytes"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/rules"
)

// why writes the diagnoses of the answer to a valid handshake, and what to change.
func (t *probeText) why(b *bytes.Buffer, c *control) {
	for _, d := range c.diagnoses(&t.run.Config) {
		t.entry(b, "   ", "why: "+printed.Why(&d))
		if d.Fix != "" {
			t.entry(b, "   ", "fix: "+printed.Fix(&d))
		}
	}
}

// diagnoses returns the diagnoses of the last answer to the control. Secrets are redacted as that
// configuration says.
func (c *control) diagnoses(of *config.Config) []rules.Diagnosis {
	if c.Exchange == nil || c.Exchange.Request == nil {
		return nil
	}
	options := server.NewAudit(*of, nil).OptionsOf(c.Exchange.Route)
	return diagnose.Of(rules.Classify(rules.Case{X: c.Exchange, Options: options}))
}
