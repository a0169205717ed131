package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// streams are the rulings of the transcripts of HTTP/2, by their file.
func streams(t *testing.T) map[string]*rules.Ruling {
	t.Helper()
	files, err := filepath.Glob("../../rules/testdata/*/*.wire")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*rules.Ruling{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil || transcript.HTTP2() == nil {
			continue
		}
		for _, x := range transcript.Near().Exchanges(wire.Common{Route: "default", Client: "192.0.2.8:5000", Backend: "192.0.2.9:8080"}) {
			if !x.Request.AboutUpgrade() { // its stream is read only for the response
				continue
			}
			all[name] = rules.Classify(rules.Case{X: x})
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d transcripts of HTTP/2", len(all))
	}
	return all
}

// TestPacketsOfHTTP2AreReadAgain writes exchanges of HTTP/2 as packets, and reads these as a capture: the
// heads are the same, and so are the findings about them.
func TestPacketsOfHTTP2AreReadAgain(t *testing.T) {
	for name, r := range streams(t) {
		var found []*wire.Exchange
		reader := capture.Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }}
		file := render(t, "pcapng", Options{}, []*rules.Ruling{r})
		if was, err := reader.Read(strings.NewReader(file)); err != nil || len(found) != 1 {
			t.Errorf("%s: %d exchanges, %v, %+v", name, len(found), err, was)
			continue
		}
		x := found[0]
		if got, want := string(x.Request.Raw), string(r.Head(rules.InRequest)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if (x.Response == nil) != (r.X.Response == nil) || x.Outcome != r.X.Outcome && !(r.X.Outcome == wire.Silent) || x.Stream == nil || x.Stream.Offered != r.X.Stream.Offered {
			t.Errorf("%s: got %+v, want %+v; stream %+v, want %+v", name, x.Outcome, r.X.Outcome, x.Stream, r.X.Stream)
		}
		if x.Response != nil {
			if got, want := string(x.Response.Raw), string(r.Head(rules.InResponse)); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if got, want := ofHead(rules.Classify(rules.Case{X: x})), ofHead(r); !slices.Equal(got, want) && len(want) == len(r.Broken()) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// ofHead are the rules of HTTP/2 that a ruling breaks and that are about heads and settings: packets have
// not all that follows them.
func ofHead(r *rules.Ruling) (all []string) {
	for _, id := range r.Broken() {
		switch id {
		case "UPGRADE-H2-TUNNEL-FRAMES", "UPGRADE-H2-EARLY", "UPGRADE-H2-CONNECTION-KILLED", "UPGRADE-H2-MALFORMED-ANSWER":
		default:
			if strings.HasPrefix(id, "UPGRADE-H2-") {
				all = append(all, id)
			}
		}
	}
	slices.Sort(all)
	return all
}

// TestHAROfHTTP2IsReadAgain writes exchanges of HTTP/2 as HAR, and reads that: the heads are the same, and
// the URL is that of the request.
func TestHAROfHTTP2IsReadAgain(t *testing.T) {
	for name, r := range streams(t) {
		var found []*wire.Exchange
		reader := capture.Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }}
		file := render(t, "har", Options{}, []*rules.Ruling{r})
		if was, err := reader.Read(strings.NewReader(file)); err != nil || len(found) != 1 {
			t.Errorf("%s: %d exchanges, %v, %+v", name, len(found), err, was)
			continue
		}
		if got, want := string(found[0].Request.Raw), string(r.Head(rules.InRequest)); got != want && !strings.Contains(want, "\n ") {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if host, _ := r.X.Request.Value(":authority"); host != "" && !strings.Contains(host, "@") && !strings.Contains(file, `://`+host+`/`) {
			t.Errorf("%s: no URL with %q in %s", name, host, file)
		}
	}
}
