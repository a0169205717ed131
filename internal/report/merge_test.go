package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/interlock-proxy/interlock/rules"
)

// letters are what is left of a text whatever format it is in.
func letters(text string) string {
	return regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(text, "")
}

// TestEveryFailureSaysWhatToDo wants the command, the reason and the remedy of each failure in
// every format.
func TestEveryFailureSaysWhatToDo(t *testing.T) {
	all := rulings(t)
	reports := map[string]string{}
	for _, f := range Formats() {
		if f.Open != nil && !f.Packets {
			reports[f.Name] = render(t, f.Name, Options{}, all)
		}
	}
	for _, text := range folder(t, t.TempDir(), all) {
		reports["wire"] += text
	}
	for name, text := range reports {
		switch name {
		case "html":
			root, err := html.Parse(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			text = ""
			for n := range root.Descendants() {
				if n.Type == html.TextNode {
					text += n.Data
				}
			}
		case "ndjson":
			text = string(array(text))
			fallthrough
		case "json", "sarif", "gitlab", "har":
			var v any
			decode(t, text, &v)
			text = strings.Join(texts(v), "\n")
		case "junit":
			text = html.UnescapeString(text)
		}
		text = letters(text)
		for _, r := range []*rules.Ruling{all[1], all[3], all[6]} {
			is := rules.Find(r.Broken()[0])
			for what, want := range map[string]string{"again": Again(r), "why": is.Why, "fix": is.Fix} {
				if !strings.Contains(text, letters(want)) {
					t.Errorf("%s: %s is missing of %s at %s", name, what, is.ID, r.Endpoint)
				}
			}
		}
	}
	if len(reports) != len(Formats())-1 { // all but packets
		t.Errorf("got %d formats", len(reports))
	}
}

// texts are all texts in a JSON value.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	}
	return all
}

// many are rulings that fail at that many endpoints, with heads of that many bytes.
func many(t *testing.T, n, size int, each func(*rules.Ruling)) {
	t.Helper()
	was := rulings(t)[1]
	is := *was
	is.Findings = []rules.Finding{*was.Find("UPGRADE-POST")}
	for i := range n {
		r, x, q := is, *was.X, *was.X.Request
		q.Raw = append(append(make([]byte, 0, size), q.Raw...), make([]byte, max(0, size-len(q.Raw)))...)
		x.Request, r.X, r.Endpoint = &q, &x, fmt.Sprintf("/chat/%c%d", 'a'+i%26, i)
		each(&r)
	}
}

// TestMergeIsBounded writes more findings than are told apart, with more bytes than are kept.
func TestMergeIsBounded(t *testing.T) {
	var m merge
	many(t, maxMerged+1234, 32<<10, m.add)
	sorted := m.sorted()
	if len(sorted) != maxMerged || m.more != 1234 || m.evidence > maxEvidence {
		t.Errorf("got %d findings, %d more, %d bytes", len(sorted), m.more, m.evidence)
	}
	kept := 0
	for i, is := range sorted {
		if kept += len(is.examples); is.worst() != 1 || i%500 == 0 && is.again() == "" {
			t.Fatalf("%s: no command, or %d exchanges", is.name(), is.worst())
		}
	}
	if limit := maxEvidence / (32 << 10); kept > limit || kept < limit/2 {
		t.Errorf("%d exchanges are kept, want at most %d", kept, limit)
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if memory.HeapInuse > 3*maxEvidence {
		t.Errorf("%d bytes are in use", memory.HeapInuse)
	}
	runtime.KeepAlive(sorted)
}

// TestWhatIsLeftOutIsSaid wants the number of what a report has no room for.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	var all []*rules.Ruling
	many(t, maxMerged+1234, 0, func(r *rules.Ruling) { all = append(all, r) })
	for name, want := range map[string]string{
		"text": "... and 1,234 findings more", "sarif": "... and 1,234 findings more", "junit": "... and 1,234 findings more",
		"gitlab": "... and 1,234 findings more", "markdown": "… and 9,950 more", "html": "… and 1,234 more findings",
	} {
		text := render(t, name, Options{}, all)
		if !strings.Contains(text, want) {
			t.Errorf("%s: does not say %q", name, want)
		}
		if name == "markdown" && len(text) > 64<<10 {
			t.Errorf("%s: %d bytes are no comment", name, len(text))
		}
	}
}

// TestMergeKeepsTheWorst gives a fingerprint all verdicts, in either order.
func TestMergeKeepsTheWorst(t *testing.T) {
	fail := rulings(t)[1]
	with := func(v rules.Verdict) *rules.Ruling {
		r := *fail
		r.Findings = []rules.Finding{*fail.Find("UPGRADE-POST")}
		r.Findings[0].Verdict = v
		x := *r.X
		x.ID, r.X = v.String(), &x
		return &r
	}
	for _, order := range [][]rules.Verdict{{rules.Pass, rules.Unclear, rules.Warn, rules.Fail}, {rules.Fail, rules.Warn, rules.Unclear, rules.Pass}} {
		m := merge{passes: true}
		for _, v := range order {
			m.add(with(v))
		}
		is := m.sorted()[0]
		if is.Verdict != rules.Fail || is.id != "fail" || len(is.examples) != 1 || is.worst() != 1 || m.broken != 1 || m.evidence != fail.Bytes() ||
			is.exchanges() != "4 exchanges: 1 fail, 1 warn, 1 unclear, 1 pass" {
			t.Errorf("%v: got %+v, %s, %d broken, %d bytes", order, is, is.exchanges(), m.broken, m.evidence)
		}
	}
}

// TestMergeIsToldByTheMostSevere holds that text, exchange and first example are of the finding
// that the severity is of.
func TestMergeIsToldByTheMostSevere(t *testing.T) {
	fail := rulings(t)[1]
	with := func(s rules.Severity, detail string) *rules.Ruling {
		r := *fail
		r.Findings = []rules.Finding{*fail.Find("UPGRADE-POST")}
		r.Findings[0].Severity, r.Findings[0].Detail = s, detail
		x := *r.X
		x.ID, r.X = detail, &x
		return &r
	}
	low, high := with(rules.Low, "z"), with(rules.High, "a")
	for _, order := range [][]*rules.Ruling{{low, high}, {high, low}} {
		var m merge
		for _, r := range order {
			m.add(r)
		}
		is := m.sorted()[0]
		if is.Severity != rules.High || is.Detail != "a" || is.finding.Detail != "a" || is.id != "a" || is.examples[0].X.ID != "a" || is.worst() != 2 {
			t.Errorf("got %+v", is)
		}
	}
}

// TestCausesGroup wants probes that break one rule at one endpoint to be one cause.
func TestCausesGroup(t *testing.T) {
	var m merge
	for _, probe := range []string{"UPGRADE-POST", "UPGRADE-PUT", "UPGRADE-HEAD", "UPGRADE-DELETE"} {
		r := *rulings(t)[1]
		x := *r.X
		x.Probe, r.X = probe, &x
		r.Findings = []rules.Finding{*r.Find("UPGRADE-POST")}
		m.add(&r)
	}
	found := part(m.sorted()).failures
	if got, want := headline(found, 4), "4 probes, 1 cause: Handshake accepted without GET (UPGRADE-POST)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := found[0].probes(), "UPGRADE-DELETE, UPGRADE-HEAD, UPGRADE-POST, UPGRADE-PUT"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r := *rulings(t)[1]
	r.Endpoint = "/other"
	m.add(&r)
	if got, want := headline(part(m.sorted()).failures, 5), "5 exchanges, 2 causes"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestJSONStaysJSON wants the escapes to change nothing.
func TestJSONStaysJSON(t *testing.T) {
	text, err := json.Marshal("a\u007f\u202e\u00a7\U0001F600\x1b\\u")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	decode(t, string(ascii(text)), &got)
	if want := "a\u007f\u202e\u00a7\U0001F600\x1b\\u"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, c := range ascii(text) {
		if c < ' ' || c > '~' {
			t.Errorf("byte %#02x", c)
		}
	}
}
