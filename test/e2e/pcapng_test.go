//go:build e2e

package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// tshark reads a capture and returns the fields of the packets that the filter selects.
func tshark(t *testing.T, file, filter string, fields ...string) string {
	t.Helper()
	args := []string{"-n", "-r", file, "-Y", filter, "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark (test/e2e/install): %v", err)
	}
	return string(out)
}

// TestWiresharkReadsPackets audits a transcript with findings in the handshake and in a frame, and
// reads its packets with the parser of Wireshark.
func TestWiresharkReadsPackets(t *testing.T) {
	const rules = "../../rules/testdata/"
	out := t.TempDir() + "/out.pcapng"
	for name, want := range map[string]string{
		"UPGRADE-WS-CONTROL/fragmented-ping": "UPGRADE-WS-CONTROL",
		"UPGRADE-POST/switched-on-post":      "UPGRADE-POST",
	} {
		run(t, "interlock", "audit", rules+name+".wire", "-o", "pcapng="+out)
		if got := tshark(t, out, "http.upgrade", "http.upgrade"); strings.Count(got, "websocket") != 2 {
			t.Errorf("%s: a handshake and a 101 are %q", name, got)
		}
		if got := tshark(t, out, "frame.comment", "frame.comment"); !strings.Contains(got, "Interlock: fail ") || !strings.Contains(got, want) {
			t.Errorf("%s: the comments are %q", name, got)
		}
		if got := tshark(t, out, "tcp.checksum.status == 0 or ip.checksum.status == 0", "frame.number"); got != "" {
			t.Errorf("%s: packets %q have a wrong checksum", name, got)
		}
	}
	run(t, "interlock", "audit", rules+"SOUND/coder.wire", "-o", "pcapng="+out)
	if got := strings.Fields(tshark(t, out, "websocket", "websocket.opcode")); len(got) == 0 {
		t.Error("there are no frames of WebSocket")
	}
}

// TestWiresharkReadsStreams audits transcripts of HTTP/2, and reads their packets with the parser of
// Wireshark: they are HTTP/2, with the WebSocket in its tunnel.
func TestWiresharkReadsStreams(t *testing.T) {
	out := t.TempDir() + "/out.pcapng"
	for name, status := range map[string]string{"UPGRADE-H2-NOT-A-TUNNEL/tunnel": "200", "UPGRADE-H2-101/to-an-upgrade-header": "101"} {
		run(t, "interlock", "audit", "../../rules/testdata/"+name+".wire", "-o", "pcapng="+out)
		got := strings.Fields(tshark(t, out, "http2.headers.method", "http2.headers.method", "http2.headers.authority"))
		if len(got) != 2 || got[1] != "staging.test" {
			t.Errorf("%s: the request is %q", name, got)
		}
		if got := strings.Fields(tshark(t, out, "http2.headers.status", "http2.headers.status")); len(got) != 1 || got[0] != status {
			t.Errorf("%s: the response is %q", name, got)
		}
		if got := tshark(t, out, "http2.type == 0", "http2.streamid"); strings.Count(got, "\n") < 2 {
			t.Errorf("%s: frames of data are in streams %q", name, got)
		}
		if got := tshark(t, out, "_ws.malformed or tcp.analysis.flags", "frame.number"); got != "" {
			t.Errorf("%s: packets %q are malformed", name, got)
		}
	}
}
