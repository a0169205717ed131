package rules

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// reread reads a ruling from its own JSON and writes it once more.
func reread(t testing.TB, r *Ruling) (before, after []byte, read *Ruling) {
	t.Helper()
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if read, err = ReadRuling(before); err != nil {
		t.Fatalf("%v\n%s", err, before)
	}
	if after, err = json.Marshal(read); err != nil {
		t.Fatal(err)
	}
	return before, after, read
}

func TestRulingsReadAsTheyWereWritten(t *testing.T) {
	for _, r := range corpus(t) {
		for _, ruling := range r.rulings() {
			ruling.Endpoint = EndpointOf(ruling.X)
			before, after, read := reread(t, ruling)
			if !bytes.Equal(before, after) {
				t.Fatalf("%s: was\n%s\nis\n%s", r.name, before, after)
			}
			for i := range read.Findings {
				if read.Findings[i].Rule != ruling.Findings[i].Rule {
					t.Errorf("%s: rule %d is another one", r.name, i)
				}
			}
			if read.X.Protocol() != ruling.X.Protocol() || read.Unsafe != ruling.Unsafe || read.Severity() != ruling.Severity() {
				t.Errorf("%s: protocol %s, unsafe %t, severity %s", r.name, read.X.Protocol(), read.Unsafe, read.Severity())
			}
		}
	}
}

// TestMessagesAreInRulings checks that a ruling has the data of messages only if evidence is full.
func TestMessagesAreInRulings(t *testing.T) {
	x := exchange(101, wire.Switched, "Upgrade: websocket\r\nConnection: Upgrade\r\n")
	x.After.Messages = &ws.Messages{Dropped: [2]int64{0, 1}, Kept: []ws.Message{{Kind: ws.Text, Size: 13, Sent: 13, Frames: 1, Data: []byte(`{"a":"CANARY"}`)}}}
	for _, full := range []bool{false, true} {
		c := Case{X: x, Options: &Options{Full: full}}
		before, after, read := reread(t, Classify(c))
		if !bytes.Equal(before, after) || bytes.Contains(before, []byte("CANARY")) != full {
			t.Errorf("full %v:\n%s\n%s", full, before, after)
		}
		want := x.After.Messages
		if !full {
			want = want.Shapes()
		}
		if !reflect.DeepEqual(read.X.After.Messages, want) {
			t.Errorf("full %v: got %+v", full, read.X.After.Messages)
		}
	}
}

func TestWhatSpeaksForAProbeIsRead(t *testing.T) {
	for c := range controlWords() {
		x := exchange(400, wire.Refused, "")
		x.Origin, x.Probe, x.Controls, x.Flaky, x.Elsewhere = wire.OriginProbe, "UPGRADE-POST", wire.Controls(c), true, "other"
		before, after, read := reread(t, Classify(Case{X: x}))
		if is := read.X; is.Probe != x.Probe || is.Controls != x.Controls || !is.Flaky || is.Elsewhere != "other" || !bytes.Equal(before, after) {
			t.Errorf("got %s, %d, %t, %q of\n%s", is.Probe, is.Controls, is.Flaky, is.Elsewhere, before)
		}
	}
}

func TestDiagnosesAreRead(t *testing.T) {
	r := Classify(Case{X: exchange(400, wire.Refused, "")})
	if text, _, _ := reread(t, r); bytes.Contains(text, []byte(`"diagnoses"`)) {
		t.Errorf("without a diagnosis, got %s", text)
	}
	r.Diagnoses = []Diagnosis{
		{ID: "stripped-upgrade", Text: "It is gone", Certainty: Likely, Cause: "A proxy", Basis: "Via: \"x\"", Fix: "nginx: on\nEnvoy: on", Explains: []string{"UPGRADE-POST"}},
		{ID: "of-a-later-release", Text: "x", Certainty: Certain, Cause: "y", Fix: "z"}, {ID: "idle", Text: "60 s \u00b1 1 s"},
	}
	before, after, read := reread(t, r)
	if !bytes.Equal(before, after) || !reflect.DeepEqual(read.Diagnoses, r.Diagnoses) {
		t.Errorf("got %+v of\n%s", read.Diagnoses, before)
	}
	text := bytes.ReplaceAll(before, []byte(`"certainty":"likely"`), []byte(`"certainty":"sure"`))
	if read, err := ReadRuling(text); err != nil || read.Diagnoses[0].Certainty != Possible {
		t.Errorf("a word of a later release: %v", err)
	}
	many := strings.Replace(string(before), `"diagnoses":[`, `"diagnoses":[`+strings.Repeat(`{},`, 200), 1)
	if _, err := ReadRuling([]byte(many)); err == nil || !strings.Contains(err.Error(), "the limit is 100") {
		t.Errorf("203 diagnoses: %v", err)
	}
}

func TestEndsOfTunnelsAreRead(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	x.After.Ended, x.Cause = true, wire.CauseServerReset
	x.After.End = &wire.End{
		Open: 61 * time.Second, Idle: 60*time.Second + 1500*time.Microsecond, Lost: true, First: "client",
		Client: wire.Word{Kind: wire.WordPing}, Server: wire.Word{Kind: wire.WordClose, Code: 4401, Reason: "say \"no\"\n\\ \xff"},
	}
	before, after, read := reread(t, Classify(Case{X: x}))
	if !reflect.DeepEqual(read.X.After.End, x.After.End) || !bytes.Equal(before, after) {
		t.Errorf("got %+v of\n%s", read.X.After.End, before)
	}
	x.After.End.Server.Reason = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLW9mLWl0"
	if before, _, _ = reread(t, Classify(Case{X: x})); bytes.Contains(before, []byte("c2lnbmF0dXJl")) {
		t.Errorf("a token is shown: %s", before)
	}
}

func TestRulingsOfLaterReleasesAreRead(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	text, err := json.Marshal(Classify(Case{X: x}))
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"schema":1`: `"schema":1,"more":{"a":[1]}`, `"outcome":"switched"`: `"outcome":"tunnelled"`, `"verdict":"fail"`: `"verdict":"dire"`,
		`"severity":"critical"`: `"severity":"fatal"`, `"level":"must"`: `"level":"shall"`, `"party":"server"`: `"party":"cache"`,
		`"rule":"UPGRADE-POST"`: `"rule":"UPGRADE-LATER"`,
	} {
		if !bytes.Contains(text, []byte(from)) {
			t.Fatalf("no %s in %s", from, text)
		}
		text = bytes.ReplaceAll(text, []byte(from), []byte(to))
	}
	r, err := ReadRuling(text)
	if err != nil {
		t.Fatal(err)
	}
	f := r.Find("UPGRADE-LATER")
	if r.X.Outcome != "tunnelled" || r.Verdict != Unclear || f == nil || f.Verdict != Unclear || f.Severity != Critical {
		t.Fatalf("got %s %s, %+v", r.X.Outcome, r.Verdict, f)
	}
	_, _, twice := reread(t, r)
	if twice.Find("UPGRADE-LATER").Rule != f.Rule {
		t.Error("one rule of a later release is two values")
	}
}

func TestNoRulingIsReadFrom(t *testing.T) {
	text, err := json.Marshal(Classify(Case{X: exchange(101, wire.Switched, "")}))
	if err != nil {
		t.Fatal(err)
	}
	cut := func(old, replacement string) string { return strings.Replace(string(text), old, replacement, 1) }
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "unexpected end"},
		"another document": {`{"a":1}`, "is not a time"},
		"an array":         {`[]`, "cannot unmarshal"},
		"half":             {string(text[:len(text)/2]), "unexpected end"},
		"no rule":          {cut(`"rule":"UPGRADE-POST"`, `"rule":""`), "names no rule"},
		"a long rule":      {cut(`"rule":"UPGRADE-POST"`, `"rule":"`+strings.Repeat("A", 200)+`"`), "names no rule"},
		"years":            {cut(`"milliseconds":`, `"milliseconds":9e99,"was":`), "out of range"},
		"findings":         {cut(`"findings":[`, `"findings":[`+strings.Repeat(`{},`, 2000)), "the limit is 1000"},
		"size":             {strings.Repeat(" ", 5<<20), "the limit is"},
	} {
		if _, err := ReadRuling([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestRedactedNamesWhatIsBlankedOut(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	x.Request = wire.ReadRequest([]byte("GET http://u:p@h/c?a=b&Token=t&x=1;key=k&key=&%6bey=z HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" +
		"cookie: a=b\r\nCookie: c=d\r\nAuthorization: Basic x\r\nSec-WebSocket-Protocol: chat, bearer.tok\r\nCookie:\r\n\r\n"))
	x.Response = wire.ReadResponse([]byte("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSet-Cookie: a=b\r\n\r\n"))
	want := []string{"cookie", "Cookie", "Authorization", "Sec-WebSocket-Protocol", "target", "?Token", "?key", "?%6bey"}
	r := Classify(Case{X: x})
	if got := r.Redacted(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	text, _, read := reread(t, r)
	if got := read.Redacted(); !slices.Equal(got, want) {
		t.Errorf("read: got %q, want %q", got, want)
	}
	if !bytes.Contains(text, []byte(`"redacted":["Set-Cookie"]`)) {
		t.Errorf("the response's are missing in %s", text)
	}
	full := Classify(Case{X: x, Options: &Options{Full: true}})
	if got := full.Redacted(); got != nil {
		t.Errorf("full: got %q", got)
	}
}

// FuzzReadRuling checks that a ruling that can be read is written and read again without a change.
func FuzzReadRuling(f *testing.F) {
	for i, r := range corpus(f) {
		for _, ruling := range r.rulings() {
			if text, err := json.Marshal(ruling); err == nil && i%8 == 0 {
				f.Add(text)
			}
		}
	}
	f.Add([]byte(`{"time":"2026-01-02T03:04:05+23:59","request":{"head":"R0VU"},"interim":["",null],"response":{"head":"SFRUUC8xLjEgMTAxIA=="},"after":{"closed":"x"},"findings":[{"rule":"comp-upgrade-post","refs":["RFC 1 §2","x"],"spans":[{"part":"y","from":1,"to":2}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		readAsBefore(t, new(RulingReader), b)
		r, err := ReadRuling(b)
		if err != nil {
			return
		}
		_ = r.Redacted()
		before, after, read := reread(t, r)
		if !bytes.Equal(before, after) {
			t.Fatalf("was\n%s\nis\n%s", before, after)
		}
		for i := range read.Findings {
			if f := &read.Findings[i]; read.Fingerprint(f) != r.Fingerprint(&r.Findings[i]) {
				t.Errorf("finding %d has another fingerprint", i)
			}
		}
	})
}
