package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
)

// tlsAlert returns the fatal alert in the clear that ended TLS in a tunnel after a 101 to TLS, and who
// sent it; nil if there is none.
func (v *View) tlsAlert() (*tlsrec.Alert, tlsrec.Side) {
	f := v.X.After.TLS
	if v.Stage&Over == 0 || f == nil || v.X.Blocked || v.X.Origin.Ours() {
		return nil, 0
	}
	for from := range f.Sides {
		if a := f.Sides[from].Alert; a != nil && a.Fatal && !a.Sealed {
			return a, tlsrec.Side(from)
		}
	}
	return nil, 0
}

// alertOf is a mark of an alert with one of these descriptions.
func alertOf(all ...tlsrec.Description) mark {
	return func(v *View) string {
		if a, _ := v.tlsAlert(); a != nil && slices.Contains(all, a.Description) {
			return "alert " + a.Description.String()
		}
		return ""
	}
}

var _ = register(Kind{
	ID: "tunnel-tls-alert", Family: Ended, Stages: Over,
	Title: "The TLS handshake after a 101 to TLS failed with an alert",
	Why: `Both sides switched to TLS and then did not agree on it. The alert is in the clear, so it is from the
handshake: no request was sent inside TLS.`,
	Refs: []rules.Ref{
		{RFC: "2817", Section: "3.3", Text: "after the 101 both sides start the TLS handshake"},
		{RFC: "8446", Section: "6.2", Text: "what the alerts mean that end a connection"},
	},
	See: func(v *View) string {
		a, from := v.tlsAlert()
		if a == nil {
			return ""
		}
		text := fmt.Sprintf("%s ended the TLS handshake in the tunnel after %s with the alert %s", peer(h2.Side(from)), seconds(a.At), a.Description)
		hello := v.X.After.TLS.Sides[tlsrec.Client].Hello
		if hello == nil {
			return text
		}
		var offered []string
		for _, version := range hello.Versions {
			offered = append(offered, version.String())
		}
		text += "; the client offered " + strings.Join(offered, ", ")
		if hello.ServerName != "" {
			text += " for the server name " + rules.Quote(hello.ServerName)
		}
		return text
	},
	Causes: []Cause{
		{
			Text: "The client does not trust the certificate of the server", Certainty: rules.Likely, Mark: alertOf(42, 43, 44, 45, 46, 48),
			Fix: []Remedy{{"", "Check the certificate that the server shows after the 101 with the client's list of authorities: its issuer, dates and names"}},
		},
		{
			Text: "Client and server have no version of TLS or no cipher suite in common", Certainty: rules.Likely, Mark: alertOf(40, 47, 70, 71, 86),
			Fix: []Remedy{{"", "Allow TLS 1.2 and 1.3 on both sides; the name in Upgrade, such as TLS/1.0, does not decide the version"}},
		},
		{
			Text: "The server has no certificate for the name that the client asks for", Certainty: rules.Likely, Mark: alertOf(112),
			Fix: []Remedy{{"", "Set the server name in the TLS settings of the client to the name in the Host header"}},
		},
		{
			Text: "The server wants a certificate of the client and got none that it accepts", Certainty: rules.Likely, Mark: alertOf(41, 116),
			Fix: []Remedy{{"", "Give the client a certificate, or do not require one for this name"}},
		},
		{Text: "One side failed in the handshake", Certainty: rules.Possible, Fix: []Remedy{
			{"", "Look into the log of the side that sent the alert at that time: the error is there"},
		}},
	},
})
