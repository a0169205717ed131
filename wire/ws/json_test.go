package ws

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestFactsAreReadAsTheyAreWritten(t *testing.T) {
	for name, facts := range map[string]*Facts{
		"none": read(Terms{}),
		"much": read(Terms{Deflate: true},
			said{Client, client(0x89, "a") + client(0xc1, "x") + server(0x81, "a") + client(0x88, "\x03\xee\"\\\n\xc3\xa9\xff")},
			said{Server, server(0x8a, "a") + server(0x89, "") + server(0x01, "a") + server(0x80, "b") + server(0x88, "") + server(0x81, "c") + "HTTP/1.1 400 Bad"}),
		"huge": read(Terms{}, said{Server, "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"}),
	} {
		facts.Idle = 1500 * time.Microsecond
		text, err := json.Marshal(facts)
		if err != nil {
			t.Fatal(err)
		}
		got := new(Facts)
		if err := json.Unmarshal(text, got); err != nil || !reflect.DeepEqual(got, facts) {
			t.Errorf("%s: %v\n got %+v\nwant %+v\n%s", name, err, got, facts, text)
		}
	}
}

func TestFactsOfOthersAreBounded(t *testing.T) {
	var f Facts
	const text = `{"client":{"frames":{"new":{"frames":1}},"close":{"code":1000,"reason":"%s"},"faults":[{"kind":"new"},{"kind":"mask","count":1,"frame":1,"head":6},{"kind":"order","count":1,"frame":1,"offset":-1,"head":6}],"pings":{"longest":1e99}},"idle":-1e300,"later":1}`
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	if c := f.Sides[Client]; len(c.Faults) != 1 || c.Pings.Longest != 0 || c.All() != (Count{}) || f.Idle != 0 {
		t.Errorf("%+v", f)
	}
	if got := unescape(`\`); got != `\` {
		t.Errorf("%q", got)
	}
}

func TestReasonsAreReplaced(t *testing.T) {
	facts := read(Terms{}, said{Server, server(0x88, "\x03\xe8secret")})
	other := facts.WithReasons(func(string) string { return "***" })
	if facts.Sides[Server].Close.Reason != "secret" || other.Sides[Server].Close.Reason != "***" {
		t.Errorf("%+v, %+v", facts.Sides[Server].Close, other.Sides[Server].Close)
	}
	if (*Facts)(nil).WithReasons(nil) != nil {
		t.Error("facts from nothing")
	}
}

// TestFactsWithoutFramesAreWrittenAsOthers checks that the facts of a silent tunnel, which are written
// in a shorter way, are written as all others.
func TestFactsWithoutFramesAreWrittenAsOthers(t *testing.T) {
	for _, idle := range []time.Duration{0, 999, time.Microsecond, 1500 * time.Microsecond, 36 * time.Hour} {
		f := Facts{Idle: idle, IdleAt: idle / 3}
		got, short := f.encodeEmpty()
		want, err := json.Marshal(factsJSON{Client: f.Sides[Client].json(), Server: f.Sides[Server].json(), Idle: millis(f.Idle), IdleAt: millis(f.IdleAt)})
		if err != nil || !short || string(got) != string(want) {
			t.Errorf("%v: got %s, want %s", idle, got, want)
		}
	}
	for name, facts := range map[string]*Facts{"a frame": read(Terms{}, said{Client, client(0x81, "")}), "half a head": read(Terms{}, said{Server, "\x81"})} {
		if b, short := facts.encodeEmpty(); short {
			t.Errorf("%s: written as %s", name, b)
		}
	}
}
