package rules

import (
	"bytes"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestNothingFailsForWhatAFileDoesNotKeep removes the header fields from every exchange of the
// corpus, as a HAR file of a browser may. The method, the target, the version and the status
// remain; no rule may fail for missing data.
func TestNothingFailsForWhatAFileDoesNotKeep(t *testing.T) {
	for _, r := range corpus(t) {
		for _, x := range r.transcript.Exchanges(r.common) {
			if x.Response == nil || len(x.Request.Raw) == 0 {
				continue
			}
			provisional := *x
			provisional.Request, provisional.Response = wire.ReadRequest(bare(x.Request.Raw)), wire.ReadResponse(bare(x.Response.Raw))
			provisional.Request.Flaws, provisional.Response.Flaws = nil, nil
			provisional.After, provisional.Early, provisional.Interim = wire.After{Opaque: true}, nil, nil
			provisional.Origin, provisional.Probe = wire.OriginFile, ""
			if x.Hop != nil { // no file of that kind has what was seen beside the bytes
				hop := *x.Hop
				hop.Seen, provisional.Hop = nil, &hop
			}
			provisional.Lossy = []string{"bytes", lostRequest, lostResponse, "aftermath"}
			for _, f := range Classify(Case{X: &provisional}).Findings {
				if f.Verdict == Fail && f.Rule.ID != "UPGRADE-TARGET-FORM" { // the target is still there
					t.Errorf("%s: %s fails: %s", r.name, f.Rule.ID, f.Detail)
				}
				if f.Verdict < Pass && !strings.HasSuffix(f.Detail, "; the file does not contain the raw bytes, request headers, response headers, the data after the 101") {
					t.Errorf("%s: %s says %q", r.name, f.Rule.ID, f.Detail)
				}
			}
		}
	}
}

// bare returns a head with only its start line.
func bare(raw []byte) []byte {
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	return append(bytes.TrimRight(bytes.Clone(line), "\r"), "\r\n\r\n"...)
}
