package run

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/printed"
)

// ListChain lists the probes of chain.
func ListChain(w io.Writer, width int) error {
	rows := [][]string{{"PROBE", "RISK", "NEEDS", "WHAT IT SENDS, AND WHAT A CORRECT PROXY DOES"}}
	for _, p := range chain.EveryProbe() {
		needs := "-"
		switch p.Needs {
		case chain.NeedsTunnel:
			needs = "tunnel"
		case chain.NeedsPath:
			needs = "path"
		}
		rows = append(rows, []string{p.ID, p.Risk.String(), needs, p.Label + ": " + strings.ToLower(p.Want[:1]) + p.Want[1:]})
	}
	var b bytes.Buffer
	writeTable(&b, rows, width)
	fmt.Fprintf(&b, "\n%s. RISK state: a backend other than the sink might do what the request says. Those that need a path are sent with --protected.\n", printed.Count(len(rows)-1, "probe"))
	_, err := w.Write(b.Bytes())
	return err
}
