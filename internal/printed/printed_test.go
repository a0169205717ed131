package printed

import "testing"

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1_500_000_000: "1.5 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes: got %q, want %q", n, got, want)
		}
	}
	if got := Count(1, "probe") + ", " + Count(int64(1234), "probe"); got != "1 probe, 1,234 probes" {
		t.Errorf("got %q", got)
	}
}

func TestTexts(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Cut("äöü", 3), "äöü"}, {Cut("äöü!", 3), "äö~"},
		{Start("äöü", 6), "äöü"}, {Start("äöü", 5), "äö..."}, {Start("\xff\xff\xff", 2), "\ufffd..."}, {Start("\x80\x80", 1), "..."},
		{Escaped("a\r\nb", 10), `a\r\nb`}, {Escaped("abcdef", 5), "abcd~"}, {Escaped("abcde", 5), "abcde"},
		{ASCII("a\"\\x41\"\x1b\xe2\x80\xae"), `a"\x41"\x1b\xe2\x80\xae`},
		{Protocol("websocket"), "ws"}, {Protocol("h2c"), "h2c"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
