package rules

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// written returns a list of extensions in its plainest equivalent form.
func (l *extensionList) written() string {
	var b strings.Builder
	for i := range l.extensions {
		e := &l.extensions[i]
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(e.name)
		for _, p := range e.parameters {
			fmt.Fprintf(&b, ";%s", p.name)
			if p.valued {
				b.WriteString("=\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(p.value)) + "\"")
			}
		}
	}
	return b.String()
}

func readValue(value string) (*wire.Head, extensionList) {
	h := &wire.ReadRequest([]byte("GET / HTTP/1.1\r\nSec-WebSocket-Extensions: " + value + "\r\n\r\n")).Head
	return h, readExtensions(h)
}

func TestReadExtensions(t *testing.T) {
	for _, test := range []struct {
		value, want string
		broken      string // the list up to and including the faulty element
	}{
		{"permessage-deflate", "permessage-deflate", ""},
		{"a ;\tb = c , d;e", `a;b="c",d;e`, ""},
		{`a; b="c\d"`, `a;b="cd"`, ""},
		{",, a,, b ,", "a,b", ""},
		{`bbf-usp-protocol; eid="os::1"`, `bbf-usp-protocol;eid="os::1"`, ""},
		{`a, b; c="d,e"`, "a", `b; c="d`},
		{`a, b; c=""`, "a", `b; c=""`},
		{`a, b; c="d`, "a", `b; c="d`},
		{`a, b; c="d\`, "a", `b; c="d\`},
		{"a, b; c=", "a", "b; c="},
		{"a, b;", "a", "b;"},
		{"a, b c", "a", "b c"},
		{"a/b", "", "a/"},
		{"=", "", "="},
	} {
		h, l := readValue(test.value)
		fault := string(h.Text(l.fault))
		if got := l.written(); got != test.want || l.broken != (test.broken != "") || fault != test.broken {
			t.Errorf("%q: got %q, broken %t at %q, want %q, %q", test.value, got, l.broken, fault, test.want, test.broken)
		}
	}
	for _, nothing := range []string{"", ",", " , ,"} {
		if _, l := readValue(nothing); !l.broken || l.fault.Len() > 0 {
			t.Errorf("%q: got %+v, want a list of nothing", nothing, l)
		}
	}
	if _, l := readValue(strings.Repeat("a,", maxExtensions+1)); !l.long || len(l.extensions) != maxExtensions {
		t.Errorf("got %d extensions, want no more than %d", len(l.extensions), maxExtensions)
	}
}

// FuzzReadExtensions checks that for any header value the spans lie in the head, names are tokens,
// no more is read than the value has, and the list means the same after it is written and read
// again.
func FuzzReadExtensions(f *testing.F) {
	for _, seed := range []string{
		"permessage-deflate; client_max_window_bits", `a; b="c\"d"; e, f`, ";;=", `a="`, "a;b=\"\\", ",,", "a\r\n b",
		"permessage-deflate; server_max_window_bits=10, permessage-deflate",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		h, l := readValue(value)
		total := 0
		for i := range l.extensions {
			e := &l.extensions[i]
			total += len(e.name)
			if !wire.IsToken(e.name) || !bytes.HasPrefix(h.Text(e.at), e.name) {
				t.Errorf("%q: name %q at %q", value, e.name, h.Text(e.at))
			}
			for _, p := range e.parameters {
				total += len(p.name) + len(p.value)
				if !wire.IsToken(p.name) || p.valued && !wire.IsToken(p.value) && !e.is("bbf-usp-protocol") {
					t.Errorf("%q: parameter %q is %q", value, p.name, p.value)
				}
			}
		}
		if total > len(h.Raw) || len(l.extensions) > maxExtensions {
			t.Errorf("%q: got %d bytes in %d extensions", value, total, len(l.extensions))
		}
		if h.Text(l.fault); l.fault.Len() > 0 && !l.broken {
			t.Errorf("%q: a fault in a list that is not broken", value)
		}
		if text := l.written(); text != "" {
			if _, again := readValue(text); again.broken || again.written() != text {
				t.Errorf("%q: got %q, and of that %q", value, text, again.written())
			}
		}
		settle(&l, &l)
	})
}
