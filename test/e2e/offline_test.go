//go:build e2e && linux

package e2e

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestOfflineAgreesWithLive replays transcripts through serve, captures the packets on loopback,
// and audits the capture. Both audits give the same ruling for every exchange, including the
// rulings that change after the 101. A capture of both sides of the proxy must not report a reused
// key.
func TestOfflineAgreesWithLive(t *testing.T) {
	b := listen(t)
	stored := filepath.Join(t.TempDir(), "live.db")
	p := serve(t, b.addr(), "--store", stored)
	r := sniff(t, portOf(t, p.listen), portOf(t, b.addr()))
	sent := 0
	for _, pattern := range []string{"SOUND", "TUTORIAL", "UPGRADE-POST", "UPGRADE-MISSING-CONN", "UPGRADE-[1R]*", "UPGRADE-H2C-*", "UPGRADE-TUNNEL-*", "UPGRADE-WS-*"} {
		names, err := filepath.Glob("../../rules/testdata/" + pattern + "/*.wire")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			transcript, err := wire.ParseTranscript(text)
			if err != nil {
				t.Fatal(err)
			}
			if transcript.Chunks[0].From == wire.FromClient { // until then, serve does not connect to the backend
				through(t, p, b, transcript)
				p.nothingLeft() // of two connections on two event loops, the later one may be judged first: the key of which one is used again depends on that
				sent++
			}
		}
	}
	r.until(p.listen)
	live := lived(t, p, stored)
	want := withoutIdentity(t, live)
	amended := len(want) - strings.Count(live, `"revision":0,`)
	t.Logf("%d connections, %d rulings, %d of them amended", sent, len(want), amended)
	if len(want) < sent/2 || sent < 300 || amended < 50 {
		t.Errorf("got %d rulings of %d connections, %d of them amended", len(want), sent, amended)
	}
	client, backend := portOf(t, p.listen), portOf(t, b.addr())
	for name, capture := range map[string][]byte{"client.pcap": r.pcap(client), "backend.pcap": r.pcap(backend)} {
		offline := run(t, "interlock", "audit", "-o", "ndjson", file(t, name, capture)).stdout
		got := withoutIdentity(t, offline)
		for _, each := range without(want, got) {
			t.Errorf("%s: only live: %s", name, each)
		}
		for _, each := range without(got, want) {
			t.Errorf("%s: only offline: %s", name, each)
		}
	}
	const reused = `"rule":"UPGRADE-WS-KEY-REUSED"`
	both := run(t, "interlock", "audit", "-o", "ndjson", file(t, "both.pcap", r.pcap(client, backend)))
	// Hundreds of the transcripts share one key, which no real clients do: where the machine is busy their handshakes overlap.
	if got, want := strings.Count(both.stdout, reused), strings.Count(live, reused); got < want || got > want+want/50 || want == 0 {
		t.Errorf("got %d keys that were used again on both sides together, want %d or up to 2 %% more", got, want)
	}
	if !strings.Contains(both.stderr, "handshakes recorded on both sides of a proxy") {
		t.Errorf("got %s", both.stderr)
	}
}

// through plays a transcript through the proxy, chunk by chunk, and closes the connection as the
// transcript says.
func through(t *testing.T, p *process, b *backend, transcript *wire.Transcript) {
	t.Helper()
	client := dial(t, p.listen)
	var peer *net.TCPConn
	for _, chunk := range transcript.Chunks {
		if chunk.From == wire.FromClient {
			send(t, client, string(chunk.Bytes))
		}
		if peer == nil {
			peer = b.accept()
		}
		if chunk.From == wire.FromClient {
			expect(t, peer, string(chunk.Bytes))
		} else {
			send(t, peer, string(chunk.Bytes))
			expect(t, client, string(chunk.Bytes))
		}
	}
	if transcript.End == "closed" {
		peer.Close()
		expectEnd(t, client, "")
		client.Close()
		return
	}
	client.Close()
	expectEnd(t, peer, "")
	peer.Close()
}

// lived ends the process and returns the rulings that serve has stored, one per line.
func lived(t *testing.T, p *process, stored string) string {
	t.Helper()
	p.nothingLeft()
	p.stop()
	return run(t, "interlock", "report", "--store", stored, "-o", "ndjson").stdout
}

// withoutIdentity returns the rulings without the fields that differ between recordings, sorted.
func withoutIdentity(t *testing.T, lines string) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(lines) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", clip(line), err)
		}
		for _, name := range []string{"id", "revision", "instance", "origin", "run", "time", "milliseconds", "client", "backend", "again", "curl", "portable", "againNotes", "remedies"} {
			delete(r, name)
		}
		for _, f := range r["findings"].([]any) {
			delete(f.(map[string]any), "state")
		}
		withoutTimes(r["after"])
		for _, name := range []string{"frames", "http2", "tlsRecords"} {
			withoutFrameTimes(r[name])
		}
		diagnoses, _ := r["diagnoses"].([]any)
		for _, d := range diagnoses {
			d := d.(map[string]any)
			d["text"] = duration.ReplaceAllString(d["text"].(string), "TIME")
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	slices.Sort(all)
	return all
}

// duration matches a time in the text of a diagnosis.
var duration = regexp.MustCompile(`[0-9.]+ (ms|s|min|h)\b`)

// withoutTimes removes what depends on when bytes were read from the end of a tunnel: its times, whose bytes came first, and
// the last words where more was sent than is recorded.
func withoutTimes(after any) {
	a, _ := after.(map[string]any)
	end, ok := a["end"].(map[string]any)
	if !ok {
		return
	}
	for _, name := range []string{"milliseconds", "idle", "first"} {
		delete(end, name)
	}
	for _, side := range []string{"client", "server"} {
		if n, _ := a[side+"Bytes"].(float64); n >= wire.MaxRecorded {
			delete(end, side)
		}
	}
}

// withoutFrameTimes removes the same from the facts of frames.
func withoutFrameTimes(frames any) {
	f, _ := frames.(map[string]any)
	for _, name := range []string{"idle", "idleAt", "closedFirst"} {
		delete(f, name)
	}
	for _, side := range []string{"client", "server"} {
		s, _ := f[side].(map[string]any)
		for part, names := range map[string][]string{"pings": {"since", "passed", "shortest", "longest"}, "close": {"at"}} {
			m, _ := s[part].(map[string]any)
			for _, name := range names {
				delete(m, name)
			}
		}
	}
}

// without returns texts after removing each of others once.
func without(texts, others []string) []string {
	texts = slices.Clone(texts)
	for _, each := range others {
		if i := slices.Index(texts, each); i >= 0 {
			texts = slices.Delete(texts, i, i+1)
		}
	}
	return texts
}
