package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestPastes holds what is read of each paste, and what is said to be missing, to a golden.
func TestPastes(t *testing.T) {
	names, err := filepath.Glob("testdata/pastes/*.txt")
	if err != nil || len(names) < 12 {
		t.Fatalf("%d pastes, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, every := range []bool{false, true} {
				found := 0
				r := Reader{Every: every, Observe: func(x *wire.Exchange) {
					if found++; every {
						writePasted(&b, x)
					}
				}}
				report, err := r.Read(bytes.NewReader(text))
				if err != nil || report.Format != "paste" || int(report.Upgrades) != found {
					t.Errorf("%d found, %v, %+v", found, err, report)
				}
				if !every {
					fmt.Fprintf(&b, "%d concern Upgrade. %s\n", found, strings.Join(report.Notes(), ", "))
					for _, f := range report.Failures {
						fmt.Fprintf(&b, "failed: %s\n", f)
					}
				}
			}
			golden(t, strings.TrimSuffix(name, ".txt")+".golden", b.String())
		})
	}
}

func writePasted(b *strings.Builder, x *wire.Exchange) {
	fmt.Fprintf(b, "\n%s %q, backend %q, tls %v, missing %q\n", x.Outcome, x.Cause, x.Backend, x.BackendTLS, x.Lossy)
	writeHead(b, ">", x.Request.Raw)
	if x.Response != nil {
		writeHead(b, "<", x.Response.Raw)
	}
}

// TestNoPaste reads texts that are nothing of what is known.
func TestNoPaste(t *testing.T) {
	for _, text := range []string{"hello\n", "It does not work.\n\nPlease help: https://chat.test\n", "* a list\n* of two\n", "General\n", "Request Headers\n\nResponse Headers\n"} {
		_, err := new(Reader).Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), "neither a transcript nor a paste") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// TestTranscriptsAreNoPastes reads transcripts with mistakes: the error is about the line.
func TestTranscriptsAreNoPastes(t *testing.T) {
	for _, text := range []string{"\n> GET / HTTP/1.1\\r\\n\n> Host: a\\q\\r\\n\n> \\r\\n\n", "note: x\n\n> GET / HTTP/1.1\\r\\n\nHost: a\n"} {
		_, err := new(Reader).Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzPaste(f *testing.F) {
	names, _ := filepath.Glob("testdata/pastes/*.txt")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("curl -H"))
	f.Add([]byte("$ curl 'http://a/\\\n"))
	f.Add([]byte("> GET wss:// HTTP/1.1\n< HTTP/1.1 101\n< : \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sound(t, text)
		for _, every := range []bool{false, true} {
			r := Reader{Every: every, Observe: func(x *wire.Exchange) {
				if x.ID == "" || x.Request == nil || !x.Final || len(x.Request.Raw) > wire.MaxHead || len(x.Lossy) == 0 {
					t.Errorf("got %+v", x)
				}
			}}
			s := &session{Reader: r, ids: fixed()}
			readPaste(s, string(text))
			if len(s.report.Failures) > maxFailures {
				t.Errorf("%d failures", len(s.report.Failures))
			}
		}
	})
}

// fixed is a source of names.
func fixed() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{}) }
