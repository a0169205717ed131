package interlocktest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

func TestPatternsAreSplitAsGoTestDoes(t *testing.T) {
	for pattern, want := range map[string][]string{
		"":                {""},
		"TestA":           {"TestA"},
		"TestA/B/C":       {"TestA", "B", "C"},
		"Test[/A]/(B/C)":  {"Test[/A]", "(B/C)"},
		`Test\/A/\(B`:     {`Test\/A`, `\(B`},
		"TestA/[(]/B":     {"TestA", "[(]", "B"},
		"TestA/B]/(C|D)/": {"TestA", "B]", "(C|D)", ""},
	} {
		if got := split(pattern, '/'); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", pattern, got, want)
		}
	}
}

func TestWantedProbes(t *testing.T) {
	all := []*rules.Probe{rules.FindProbe("CTRL-WS"), rules.FindProbe("UPGRADE-POST"), rules.FindProbe("UPGRADE-HTTP10")}
	for _, c := range []struct{ test, pattern, want string }{
		{"TestA", "", "CTRL-WS UPGRADE-POST UPGRADE-HTTP10"},
		{"TestA", "TestA", "CTRL-WS UPGRADE-POST UPGRADE-HTTP10"},
		{"TestA", "TestA/POST", "UPGRADE-POST"},
		{"TestA", "TestA/POST|TestB", "CTRL-WS UPGRADE-POST UPGRADE-HTTP10"},
		{"TestA", "TestA/POST|TestA/HTTP10", "UPGRADE-POST UPGRADE-HTTP10"},
		{"TestA/chat", "TestA/chat", "CTRL-WS UPGRADE-POST UPGRADE-HTTP10"},
		{"TestA/chat", "TestA/chat/^UPGRADE-(POST|HTTP10)$", "UPGRADE-POST UPGRADE-HTTP10"},
		{"TestA", "TestA/(", ""},
	} {
		var got []string
		for _, p := range wanted(all, c.test, c.pattern) {
			got = append(got, p.ID)
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s, -run %s: got %s, want %s", c.test, c.pattern, got, c.want)
		}
	}
	if got, want := again("TestA/x_(1)/UPGRADE-POST"), `go test -run '^TestA$/^x_\(1\)$/^UPGRADE-POST$'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestHandlersThatStay checks that the end of a server names handlers that do not return, and does not
// wait for them forever.
func TestHandlersThatStay(t *testing.T) {
	entered, release, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var said []string
	s, err := serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
		close(returned)
	}), func(line string) { said = append(said, line) })
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan error)
	go func() {
		p, err := http.Get("http://" + s.address())
		if err == nil {
			p.Body.Close()
		}
		asked <- err
	}()
	<-entered
	s.stop(time.Millisecond)
	if err := <-asked; err == nil {
		t.Error("the request was answered")
	}
	close(release)
	<-returned
	if want := []string{"1 calls of the handler have not returned 1ms after their connections were closed: goroutines leak"}; !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
}

func TestTextsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 200)
	got := bounded(strings.Repeat("a\n", 30) + long + "\n")
	lines := strings.Split(got, "\n")
	if len(lines) != maxLines+2 || lines[maxLines/2] != "... 7 more lines" || !strings.HasSuffix(got, "x ... 40 more characters\n") {
		t.Errorf("got %d lines\n%s", len(lines), got)
	}
}
