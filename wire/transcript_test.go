package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestIdleTimesInTranscripts holds that a time without a byte is read and written, and that a
// transcript tells the exchanges that happened in it.
func TestIdleTimesInTranscripts(t *testing.T) {
	text := "\n> " + Escape([]byte(asked)) + "\n< " + Escape([]byte(switched)) + "\n< \\x89\\x00\n! idle 1m0s\n< \\x89\\x00\n! idle 1.5s\n! closed\n"
	tr, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseTranscript([]byte(tr.String()))
	if err != nil || !reflect.DeepEqual(again, tr) {
		t.Errorf("got %v, %v", again, err)
	}
	x := tr.Exchanges(Common{})[0]
	if e := x.After.End; e == nil || e.Idle != 1500*time.Millisecond || e.Open < 61*time.Second {
		t.Errorf("got %+v", e)
	}
	if got := x.Transcript().String(); !strings.HasSuffix(got, "! idle 1.5s\n! closed\n") {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"! idle 0s", "! idle -1s", "! idle never", "! idle 9999h"} {
		if _, err := ParseTranscript([]byte("\n> a\n" + bad + "\n")); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	if _, err := ParseTranscript([]byte("\n! idle 1s\n")); err == nil {
		t.Error("a time before the first bytes is read")
	}
}

func TestTranscriptsAreWrittenAsTheyAreRead(t *testing.T) {
	text := "want: fail UPGRADE-POST\nnote: a server\n\n> GET / HTTP/1.1\\r\\n\n> \\r\\n\n< \\x81\\x02h\\\\\\t\n! closed\n"
	parsed, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed.String(); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
	want := []Chunk{{From: FromClient, Bytes: []byte("GET / HTTP/1.1\r\n\r\n")}, {From: FromServer, Bytes: []byte("\x81\x02h\\\t")}}
	if !reflect.DeepEqual(parsed.Chunks, want) || parsed.End != "closed" || parsed.Meta[0] != (Meta{"want", "fail UPGRADE-POST"}) {
		t.Errorf("got %+v", parsed)
	}
}

func TestFaultyTranscriptsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"no meta\n":             `line 1: "no meta" is not a "key: value" line`,
		"a: b\n\n>GET\n":        `line 3: ">GET" begins with none of`,
		"\n> a\\q\n":            `line 2: unknown escape "\\q" at column 4`,
		"\n> caf\xc3\xa9\n":     `line 2: byte 0xc3 at column 6 must be written as \xc3`,
		"\n! closed\n> x\n":     `line 3: "> x" follows the end`,
		"\n!! closed\n>> x\n":   `line 3: ">> x" follows the end`,
		"\n>> a\\q\n":           `line 2: unknown escape "\\q" at column 5`,
		"\n>>> a\n":             `line 2: ">>> a" begins with none of`,
		"\n!! idle 1s\n":        `line 2: "!! idle 1s" begins with none of`,
		"\n! gone\n":            `line 2: "! gone" begins with none of`,
		"\n> a\\x4\n":           `line 2: unknown escape "\\x" at column 4`,
		"\n> ok\n\n< y\n? no\n": `line 5: "? no" begins with none of`,
	} {
		_, err := ParseTranscript([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestCorpusIsWrittenInOneWay(t *testing.T) {
	for name, transcript := range transcripts(t) {
		again, err := ParseTranscript([]byte(transcript.String()))
		if err != nil || !reflect.DeepEqual(again, transcript) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnExchangeIsATranscript(t *testing.T) {
	for name, transcript := range transcripts(t) {
		for _, x := range transcript.Exchanges(Common{}) {
			if len(x.Request.Raw) == 0 {
				continue
			}
			again := x.Transcript().Exchanges(Common{})
			if len(again) == 0 || !bytes.Equal(again[0].Request.Raw, x.Request.Raw) || (again[0].Response == nil) != (x.Response == nil) {
				t.Errorf("%s: %q has become %q", name, x.Request.Raw, x.Transcript())
			}
		}
	}
}

func FuzzTranscript(f *testing.F) {
	for _, transcript := range transcripts(f) {
		f.Add([]byte(transcript.String()))
	}
	f.Add([]byte(twoSides))
	f.Add([]byte(`stream: {"id":3,"offered":"yes"}
connection: {"id":"1","streams":3,"client":{"settings":{"1":65536},"connect":[1,0]},"server":{"goaway":{"last":5,"code":11},"blind":{"from":9,"why":"fault"}}}

> HTTP/2\r\n
> :method: CONNECT\r\n
> \r\n
`))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := ParseTranscript(text)
		if err != nil {
			return
		}
		again, err := ParseTranscript([]byte(parsed.String()))
		if err != nil {
			t.Fatalf("%q: %v", parsed, err)
		}
		if !reflect.DeepEqual(again, parsed) {
			t.Fatalf("got %q, want %q", again, parsed)
		}
		if !parsed.HasFar() && parsed.stream() == nil || len(text) > 1<<12 {
			return
		}
		for _, x := range parsed.Exchanges(Common{}) {
			written := x.Transcript()
			if again, err := ParseTranscript([]byte(written.String())); err != nil || !reflect.DeepEqual(again, written) {
				t.Fatalf("%q is read as %q, %v", written, again, err)
			}
		}
	})
}

// TestFactsAreNotNegative checks that a count below zero in a line of facts is an error.
func TestFactsAreNotNegative(t *testing.T) {
	for _, line := range []string{
		`frames: {"client":{"frames":{"text":-1}},"server":{}}`, `http2: {"client":{"dataBytes":-5},"server":{}}`, `tls-records: {"client":{"bytes":-5}}`,
		`stream: {"client":{"heads":-1}}`, `connection: {"streams":-1}`, `messages: {"dropped":[-1]}`,
	} {
		_, err := ParseTranscript([]byte("note: x\n" + line + "\n\n> GET / HTTP/1.1\\r\\n\n"))
		if key, _, _ := strings.Cut(line, " "); err == nil || !strings.HasPrefix(err.Error(), "line 2: "+key) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := ParseTranscript([]byte("note: -1\nframes: {\"client\":{\"reason\":\"-1\"}}\nstream: {-\n\n")); err != nil {
		t.Error(err)
	}
}

// TestTranscriptsSayWhoClosed checks that each kind of end in a transcript appears in the exchange
// and in the JSON of the exchange.
func TestTranscriptsSayWhoClosed(t *testing.T) {
	const request = "> GET / HTTP/1.1\\r\\n\n> Host: a\\r\\n\n> Upgrade: tls\\r\\n\n> \\r\\n\n"
	const switched = "< HTTP/1.1 101 Switching Protocols\\r\\n\n< Upgrade: tls\\r\\n\n< \\r\\n\n"
	for _, each := range []struct {
		bytes, end string
		outcome    Outcome
		cause      Cause
		written    string
	}{
		{request, "", Unseen, "", ""},
		{request, "closed", Closed, CauseServer, "closed"},
		{request, "reset", Closed, CauseServerReset, "reset"},
		{request, "silent", Silent, CauseClient, "silent"},
		{request, "client closed", Closed, CauseClient, "client closed"},
		{request, "client reset", Closed, CauseClientReset, "client reset"},
		{request + switched, "", Switched, CauseClient, ""},
		{request + switched, "closed", Switched, CauseServer, "closed"},
		{request + switched, "reset", Switched, CauseServerReset, "reset"},
		{request + switched, "client closed", Switched, CauseClient, ""},
		{request + switched, "client reset", Switched, CauseClientReset, "client reset"},
	} {
		text := "\n" + each.bytes
		if each.end != "" {
			text += "! " + each.end + "\n"
		}
		parsed, err := ParseTranscript([]byte(text))
		if err != nil || parsed.String() != text {
			t.Fatalf("%q: %q, %v", text, parsed, err)
		}
		found := parsed.Exchanges(Common{})
		if len(found) != 1 || found[0].Outcome != each.outcome || found[0].Cause != each.cause || found[0].Transcript().End != each.written {
			t.Errorf("%q: got %+v", text, found)
		}
	}
}
