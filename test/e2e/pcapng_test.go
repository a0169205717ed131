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
