package report

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

const documentation = "../../docs/formats.md"

// TestEveryFormatIsDocumented holds the table of formats to the register, or writes it.
func TestEveryFormatIsDocumented(t *testing.T) {
	b, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	table := "| format | what it is |\n|---|---|\n"
	for _, f := range Formats() {
		table += "| `" + f.Name + "` | " + f.Title + " |\n"
	}
	front, rest, _ := strings.Cut(string(b), "-update -->\n")
	was, end, ok := strings.Cut(rest, "<!-- /formats -->")
	switch {
	case !ok:
		t.Fatalf("%s has no place for the table", documentation)
	case was != table && *update:
		if err := os.WriteFile(documentation, []byte(front+"-update -->\n"+table+"<!-- /formats -->"+end), 0o644); err != nil {
			t.Fatal(err)
		}
	case was != table:
		t.Errorf("%s: got\n%s\nwant\n%s", documentation, was, table)
	}
}

// TestEveryMemberIsDocumented looks in the documentation for each member that a ruling can have.
func TestEveryMemberIsDocumented(t *testing.T) {
	b, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "## A ruling\n")
	text, _, more := strings.Cut(text, "\n## ")
	if !ok || !more {
		t.Fatalf("%s has no part about rulings", documentation)
	}
	documented := regexp.MustCompile("`([a-zA-Z.]+)`").FindAllString(text, -1)
	names := members(t)
	for _, name := range names {
		parts := strings.Split(name, ".")
		if !slices.Contains(documented, "`"+name+"`") && !slices.Contains(documented, "`"+parts[len(parts)-1]+"`") {
			t.Errorf("%s does not tell of %s", documentation, name)
		}
	}
	for _, name := range []string{"request.redacted", "response.redacted", "interim", "controls", "flaky", "elsewhere", "request.far", "lossy", "findings.attribution", "findings.related", "findings.spans.part", "again", "remedies.fix"} {
		if !slices.Contains(names, name) {
			t.Errorf("no ruling of this test has a member %s", name)
		}
	}
}

// members are the names of everything that a ruling can have, in reports of such that have it all.
func members(t *testing.T) []string {
	t.Helper()
	x := *rulings(t)[1].X
	x.Origin, x.Probe, x.Controls, x.Flaky, x.Elsewhere, x.Lossy = wire.OriginProbe, "UPGRADE-POST", wire.ControlsAccepted, true, "other", []string{"order"}
	x.Request = wire.ReadRequest(append([]byte("POST /chat?token=secret HTTP/1.1\r\nCookie: a=b\r\n"), x.Request.Raw[len("POST /chat HTTP/1.1\r\n"):]...))
	x.Response = wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: a=b\r\n\r\n"))
	x.Far, x.Interim, x.After = x.Request, []*wire.Response{x.Response}, wire.After{Client: []byte("\x81\x01a")}
	r := rules.Classify(rules.Case{X: &x})
	r.Findings[0].Verdict = rules.Fail
	for i := range r.Findings {
		r.Findings[i].Attribution, r.Findings[i].Related = "an intermediary", []string{"UPGRADE-POST"}
	}
	b, err := Element(r)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(b, &document); err != nil {
		t.Fatal(err)
	}
	var names []string
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, member := range v {
				names = append(names, prefix+key)
				walk(prefix+key+".", member)
			}
		case []any:
			for _, element := range v {
				walk(prefix, element)
			}
		}
	}
	walk("", document)
	slices.Sort(names)
	return slices.Compact(names)
}
