package capture

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTranscripts(t *testing.T) {
	for name := range transcripts(t) {
		text, err := os.ReadFile(corpus + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			t.Fatal(err)
		}
		found, report := read(t, text)
		if got, want := same(found, false), same(transcript.Exchanges(wire.Common{Route: "default"}), false); got != want || report.Upgrades != int64(len(found)) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestNamesOfExchanges wants an exchange to have the same name each time that its file is read, and
// no other one to have it.
func TestNamesOfExchanges(t *testing.T) {
	file, err := os.ReadFile("testdata/chrome.har")
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(file)
	z.Close()
	first, _ := read(t, file)
	again, report := read(t, zipped.Bytes())
	seen := map[string]bool{}
	for i, x := range first {
		if x.ID != again[i].ID || seen[x.ID] || len(x.ID) != 26 {
			t.Errorf("got %q and %q", x.ID, again[i].ID)
		}
		seen[x.ID] = true
	}
	if len(first) != 3 || report.Format != "har" {
		t.Errorf("%d found, %+v", len(first), report)
	}
}

func TestTranscriptsAreBounded(t *testing.T) {
	var r Reader
	_, err := r.Read(strings.NewReader(strings.Repeat("note: long\n", 2<<20)))
	if err == nil || !strings.HasSuffix(err.Error(), "the transcript is longer than 16 MiB") {
		t.Errorf("got %v", err)
	}
}
