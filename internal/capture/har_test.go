package capture

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

var update = flag.Bool("update", false, "write the golden files")

func TestHAR(t *testing.T) {
	for _, name := range []string{"chrome", "mitmproxy"} {
		file, err := os.ReadFile("testdata/" + name + ".har")
		if err != nil {
			t.Fatal(err)
		}
		found, report := read(t, file)
		var b strings.Builder
		for _, x := range found {
			fmt.Fprintf(&b, "%s %s %q tls %v, took %v, %s %q, Lossy %q\n", x.Time.UTC().Format("15:04:05.000"), x.Origin, x.Backend, x.ClientTLS, x.Took, x.Outcome, x.Cause, x.Lossy)
			writeHead(&b, ">", x.Request.Raw)
			if x.Response != nil {
				writeHead(&b, "<", x.Response.Raw)
			}
			if len(x.Request.Flaws) > 0 || x.Response != nil && len(x.Response.Flaws) > 0 || len(x.After.Client)+len(x.After.Server) > 0 {
				t.Errorf("%s: bytes are judged that nobody has seen: %+v", name, x)
			}
		}
		fmt.Fprintf(&b, "%d entries, %d answered, %d about upgrades\n%s\n", report.Entries, report.Exchanges, report.Upgrades, strings.Join(report.Notes(), ", "))
		golden(t, "testdata/"+name+".golden", b.String())
	}
}

func writeHead(b *strings.Builder, mark string, raw []byte) {
	for line := range bytes.Lines(raw) {
		fmt.Fprintf(b, "%s %s\n", mark, wire.Escape(line))
	}
}

// golden compares text with a file, or writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", name, got)
	}
}

func TestBadHAR(t *testing.T) {
	const head = `{"log":{"entries":[`
	for name, each := range map[string]struct {
		file   string
		offset int
		cause  string
	}{
		"cut":           {head + `{"request":{`, len(head) + 12, "the file ends within a value"},
		"no JSON":       {head + `{"request": nonsense}]}}`, len(head) + 12, "invalid character 'o' in literal null"},
		"no HAR":        {`{"logs":[]}`, 11, "JSON without the entries of a log: no HAR"},
		"too deep":      {`{"a":` + strings.Repeat("[", 1<<20), 5 + maxDepth + 1, "values are nested too deep"},
		"behind a long": {head + `{"x":"` + strings.Repeat("x", 3*maxString) + `"},!`, len(head) + 9 + 3*maxString, "invalid character '!'"},
	} {
		var r Reader
		_, err := r.Read(strings.NewReader(each.file))
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), each.cause) || at.Offset < int64(each.offset)-2 || at.Offset > int64(each.offset)+2 {
			t.Errorf("%s: error %v, want one at %d", name, err, each.offset)
		}
	}
}

func TestLongStringsAreLeftOut(t *testing.T) {
	content := strings.Repeat(`\"\\\u00e4x`, 3<<20/10)
	const request = `{"request":{"method":"GET","url":"http://a/","headers":[{"name":"Upgrade","value":"x"}]},"response":{"content":{"text":"`
	file := "\xef\xbb\xbf {\"log\":{\"entries\":[" + strings.Repeat(request+content+`"},"status":200}},`, 3)
	file = file[:len(file)-1] + `]}}`
	found, report := read(t, []byte(file))
	if len(found) != 3 || report.Entries != 3 || found[2].Response == nil || found[2].Response.Status != 200 {
		t.Errorf("got %d, %+v", len(found), report)
	}
	s := &shortener{r: strings.NewReader(file)}
	short, err := io.ReadAll(s)
	if err != nil || len(short) > 3*(len(`\u00e4`)*maxString+1000) {
		t.Errorf("%d bytes are left, %v", len(short), err)
	}
}

func FuzzHAR(f *testing.F) {
	for _, name := range []string{"chrome", "mitmproxy"} {
		file, err := os.ReadFile("testdata/" + name + ".har")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"wss://a/b","httpVersion":"h2","headers":[{"name":":protocol","value":"\n\n"},{"name":":","value":""}]},"response":{"status":200,"headers":[{"name":":status","value":"1"}]}}]}}`))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"ws:////?#","headers":[{"name":"x","value":"\n\n"}]},"response":{"status":1e99}}]}}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		sound(t, append([]byte("{"), file...))
		sound(t, file)
	})
}

// sound reads a hostile file: nothing may panic, and every exchange is one that rules can judge.
func sound(t *testing.T, file []byte) {
	n := int64(0)
	r := Reader{Observe: func(x *wire.Exchange) {
		n++
		if x.ID == "" || x.Request == nil || !x.Final || x.Origin != wire.OriginFile || len(x.Request.Raw) > wire.MaxHead {
			t.Errorf("got %+v", x)
		}
		if p := x.Response; p != nil && p.Status == 0 {
			t.Errorf("a response without a status: %q", p.Raw)
		}
		if x.Response == nil && x.Outcome == wire.Switched {
			t.Error("switched without a response")
		}
	}}
	report, err := r.Read(bytes.NewReader(file))
	if report.Upgrades != n {
		t.Errorf("%d exchanges, %+v", n, report)
	}
	var at *Error
	if err != nil && (!errors.As(err, &at) || at.Offset < 0) {
		t.Errorf("error %v", err)
	}
}

func FuzzPcap(f *testing.F) {
	for _, transcript := range overHTTP2(f) {
		f.Add(ethernet.pcap(f, play(transcript, 1, 1<<15).segments))
	}
	s := start(1)
	s.send(0, []byte(handshake), 100)
	s.send(1, []byte(accepted), 100)
	s.send(1, []byte{0x81, 2, 'h', 'i'}, 100)
	s.add(segment{from: 0, fin: true})
	s.add(segment{from: 1, fin: true})
	for _, n := range networks {
		f.Add(n.pcap(f, s.segments))
		f.Add(n.pcapng(f, s.segments))
	}
	f.Fuzz(sound)
}
