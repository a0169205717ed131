package proxy

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// splits are ways to split a chunk into writes: each call returns the length of the next write.
var splits = map[string]func() func(left int) int{
	"whole": func() func(int) int { return func(left int) int { return left } },
	"bytes": func() func(int) int { return func(int) int { return 1 } },
	"random": func() func(int) int {
		seed := uint64(2026)
		return func(left int) int {
			seed ^= seed << 13
			seed ^= seed >> 7
			seed ^= seed << 17
			return 1 + int(seed%uint64(min(left, 50)))
		}
	},
}

// endings are the ways in which a connection ends.
var endings = map[string]func(t *testing.T, client, backend end){
	"client closes": func(t *testing.T, client, backend end) {
		client.Close()
		expectEnd(t, backend, "")
		backend.Close()
	},
	"backend closes": func(t *testing.T, client, backend end) {
		backend.Close()
		expectEnd(t, client, "")
		client.Close()
	},
	"half-close": func(t *testing.T, client, backend end) {
		client.CloseWrite()
		expectEnd(t, backend, "")
		send(t, backend, "sent after the client's end")
		backend.CloseWrite()
		expectEnd(t, client, "sent after the client's end")
	},
}

func readCorpus(t *testing.T) map[string]*wire.Transcript {
	t.Helper()
	files, _ := filepath.Glob("../rules/testdata/*/*.wire")
	all := map[string]*wire.Transcript{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = transcript.Near()
	}
	if len(all) < 100 {
		t.Fatalf("the corpus has %d transcripts", len(all))
	}
	return all
}

// TestRelayIsTransparent plays each transcript of the corpus between a client and a backend, with
// every split, ending and driver. Each side gets exactly the bytes that the other has sent, and the
// reports are the same every time.
func TestRelayIsTransparent(t *testing.T) {
	passedOver := 0
	for name, transcript := range readCorpus(t) {
		if transcript.Chunks[0].From != wire.FromClient {
			passedOver++ // the server speaks first, but this listener dials it only after the client has sent something
			continue
		}
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			for ending := range endings {
				want := ""
				for split := range splits {
					got := playThrough(t, transcript, split, ending)
					if want == "" {
						want = got
					}
					if got != want {
						t.Errorf("%s, %s: reported\n%s\nand with another split\n%s", split, ending, got, want)
					}
				}
				for name, driver := range drivers {
					r := relay(t, driver)
					if got := playOn(t, r, r.dial(), func() end { return r.accept() }, transcript, "random", ending); got != want {
						t.Errorf("%s, %s: reported\n%s\nand otherwise\n%s", name, ending, got, want)
					}
				}
			}
		})
	}
	if passedOver > 1 {
		t.Errorf("%d transcripts were passed over", passedOver)
	}
}

// playThrough plays one transcript and returns the reports without the values that differ from run
// to run.
func playThrough(t *testing.T, transcript *wire.Transcript, split, ending string) string {
	t.Helper()
	r := relay(t, nil)
	return playOn(t, r, r.dial(), func() end { return r.accept() }, transcript, split, ending)
}

// playOn plays one transcript through an existing relay.
func playOn(t *testing.T, r *relayed, client end, accept func() end, transcript *wire.Transcript, split, ending string) string {
	t.Helper()
	var backend end
	for _, chunk := range transcript.Chunks {
		cut := splits[split]()
		from, to := client, backend
		if chunk.From == wire.FromServer {
			from, to = backend, client
		}
		written := make(chan error, 1)
		go func() { written <- writeIn(from, chunk.Bytes, cut) }()
		if backend == nil {
			backend = accept()
			to = backend
		}
		expect(t, to, string(chunk.Bytes))
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	endings[ending](t, client, backend)
	client.Close()
	backend.Close()
	r.end()
	var b strings.Builder
	for _, x := range r.all() {
		fmt.Fprintf(&b, "%s %s final=%v complete=%v body=%v early=%d %q after=%q %q %d %d %v", x.Outcome, x.Cause, x.Final, x.Complete, x.BodyDone,
			x.EarlyBytes, x.Early, x.After.Client, x.After.Server, x.After.ClientBytes, x.After.ServerBytes, x.After.Opaque)
		fmt.Fprintf(&b, " request=%q %v", x.Request.Raw, x.Request.Flaws)
		if x.Response != nil {
			fmt.Fprintf(&b, " response=%q %v", x.Response.Raw, x.Response.Flaws)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func writeIn(w io.Writer, p []byte, cut func(left int) int) error {
	for len(p) > 0 {
		n := cut(len(p))
		if _, err := w.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}
