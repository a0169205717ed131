package report

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

// readers read the counts of exchanges from a report again, as its readers find them: by counting
// where the format has all exchanges, else from the numbers in it.
var readers = map[string]func(t *testing.T, text string) map[string]int64{
	"json":   func(t *testing.T, text string) map[string]int64 { return countRulings(t, []byte(text)) },
	"ndjson": func(t *testing.T, text string) map[string]int64 { return countRulings(t, array(text)) },
	"har": func(t *testing.T, text string) map[string]int64 {
		var har struct {
			Log struct {
				Entries []struct {
					Ruling json.RawMessage `json:"_interlock"`
				}
				Properties map[string]any `json:"_interlock"`
			}
		}
		decode(t, text, &har)
		var all []json.RawMessage
		for _, e := range har.Log.Entries {
			all = append(all, e.Ruling)
		}
		b, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		counted := countRulings(t, b)
		for name, n := range counted {
			if har.Log.Properties[name] != float64(n) && name != "accepted" {
				t.Errorf("har: %s is %v, and there are %d", name, har.Log.Properties[name], n)
			}
		}
		return counted
	},
	"sarif": func(t *testing.T, text string) map[string]int64 {
		var log struct {
			Runs []struct{ Properties map[string]any }
		}
		decode(t, text, &log)
		found := map[string]int64{}
		for name, n := range log.Runs[0].Properties {
			if n, ok := n.(float64); ok {
				found[name] = int64(n)
			}
		}
		return found
	},
	"junit": func(t *testing.T, text string) map[string]int64 {
		var read struct {
			All []struct {
				Name  string `xml:"name,attr"`
				Value string `xml:"value,attr"`
			} `xml:"testsuite>properties>property"`
		}
		if err := xml.Unmarshal([]byte(text), &read); err != nil {
			t.Fatal(err)
		}
		found := map[string]int64{}
		for _, p := range read.All {
			if regexp.MustCompile(`^[0-9]+$`).MatchString(p.Value) { // the others are not counts
				found[p.Name] = number(t, p.Value)
			}
		}
		return found
	},
	"html": func(t *testing.T, text string) map[string]int64 {
		found := map[string]int64{}
		for _, m := range regexp.MustCompile(`<li><b>([0-9,]+)</b><span class="v [a-z-]+">\S+ ([a-z/ ]+)</span>`).FindAllStringSubmatch(text, -1) {
			found[strings.ReplaceAll(strings.ReplaceAll(m[2], "n/a", "not-applicable"), " ", "-")] = number(t, m[1])
		}
		return found
	},
	"markdown": func(t *testing.T, text string) map[string]int64 {
		lines := strings.Split(text, "\n")
		names, numbers := strings.Split(lines[4], "|"), strings.Split(lines[6], "|")
		found := map[string]int64{}
		for i := 1; i < len(names)-1; i++ {
			found[strings.TrimSpace(names[i])] = number(t, strings.TrimSpace(numbers[i]))
		}
		return found
	},
	"text": func(t *testing.T, text string) map[string]int64 {
		found := map[string]int64{}
		for _, m := range regexp.MustCompile(`(?m)^ [0-9:.]{12} \S (\S+)`+"(.*)$").FindAllStringSubmatch(text, -1) {
			name := map[string]string{"n/a": "not-applicable", "?": "unclear", "info": "warn"}[m[1]]
			if name == "" {
				name = m[1]
			}
			if strings.HasSuffix(m[2], " (accepted)") {
				name = "accepted"
			}
			found[name]++
		}
		return found
	},
}

// TestCountsAgree reads every format again, and wants what the summary counts.
func TestCountsAgree(t *testing.T) {
	for _, all := range [][]*rules.Ruling{rulings(t), probed(t)} {
		var s Stream
		for _, r := range all {
			s.Write(r)
		}
		s.Close()
		want := map[string]int64{}
		for _, c := range counts(&s.Summary) {
			want[c.Name] = c.Count
		}
		for _, f := range Formats() {
			if f.Open == nil || f.Packets || f.Name == "gitlab" { // which has no counts of exchanges
				continue
			}
			text := render(t, f.Name, Options{}, all)
			got := readers[f.Name](t, text)
			exchanges := int64(0)
			for name, n := range want {
				switch name {
				case "fail", "warn", "unclear", "pass", "not-applicable", "accepted":
					exchanges += n
				case "unsafe", "new", "fixed", "not-seen", "not-sent":
					if _, has := got[name]; !has {
						continue // counted by hand, not written down
					}
				}
				if got[name] != n {
					t.Errorf("%s: got %s %d, want %d", f.Name, name, got[name], n)
				}
			}
			if exchanges != int64(len(all)) {
				t.Errorf("the counts are of %d exchanges, want %d", exchanges, len(all))
			}
			if f.Name != "json" && f.Name != "ndjson" && !strings.Contains(text, s.Summary.Result()) {
				t.Errorf("%s: does not say %q", f.Name, s.Summary.Result())
			}
		}
	}
}

// TestFindingsAgree wants the formats that merge findings to have the same ones.
func TestFindingsAgree(t *testing.T) {
	all := probed(t)
	want := map[string]int64{} // exchanges by fingerprint
	for _, r := range all {
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Verdict < rules.Pass {
				want[r.Fingerprint(f)]++
			}
		}
	}
	var log sarifLog
	decode(t, render(t, "sarif", Options{}, all), &log)
	sarif := map[string]int64{}
	for _, r := range log.Runs[0].Results {
		sarif[r.Fingerprints[fingerprintName]] = r.Count
	}
	if !maps.Equal(sarif, want) {
		t.Errorf("sarif: got %v, want %v", sarif, want)
	}
	var issues []gitlabIssue
	decode(t, render(t, "gitlab", Options{}, all), &issues)
	names := slices.Sorted(maps.Keys(want))
	var got []string
	for _, i := range issues {
		got = append(got, i.Fingerprint)
	}
	if slices.Sort(got); !slices.Equal(got, names) {
		t.Errorf("gitlab: got %v, want %v", got, names)
	}
	page := render(t, "html", Options{}, all)
	for _, name := range names {
		if n := strings.Count(page, name); n > 1 {
			t.Errorf("html: %s is there %d times", name, n)
		}
	}
}

func countRulings(t *testing.T, text []byte) map[string]int64 {
	t.Helper()
	var all []struct {
		Verdict  string
		Unsafe   bool
		Findings []struct{ Verdict, State string }
	}
	decode(t, string(text), &all)
	found := map[string]int64{}
	for _, r := range all {
		name := r.Verdict
		for _, f := range r.Findings {
			if f.Verdict == r.Verdict && f.State == "accepted" {
				name = "accepted"
			}
		}
		found[name]++
		if r.Unsafe {
			found["unsafe"]++
		}
	}
	return found
}

func array(lines string) []byte {
	return fmt.Appendf(nil, "[%s]", strings.ReplaceAll(strings.TrimSpace(lines), "\n", ","))
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWhatIsAcceptedFailsNothing holds the counts to what an accept means.
func TestWhatIsAcceptedFailsNothing(t *testing.T) {
	post := rulings(t)[1]
	accepted := func(also rules.Verdict) *rules.Ruling {
		is := *post
		is.Findings = []rules.Finding{*post.Find("UPGRADE-POST"), {Rule: rules.Find("UPGRADE-HTTP10"), Verdict: also}}
		is.Findings[0].State = rules.StateAccepted
		return &is
	}
	for also, want := range map[rules.Verdict]string{
		rules.Pass: "RESULT fail=0 warn=0 unclear=0 pass=0 na=0 not-sent=0 accepted=1 new=0 fixed=0",
		rules.Warn: "RESULT fail=0 warn=1 unclear=0 pass=0 na=0",
		rules.Fail: "RESULT fail=1 warn=0 unclear=0 pass=0 na=0",
	} {
		var s Stream
		s.Write(accepted(also))
		s.Close()
		if got := s.Summary.Result(); got != want || s.Summary.Unsafe != 1 || s.Summary.Conclusive() != 1 {
			t.Errorf("and %v: got %s, %+v, want %s", also, got, s.Summary, want)
		}
	}
}

func TestCoverage(t *testing.T) {
	var s Stream
	for _, r := range rulings(t) {
		s.Write(r)
		refused := *r
		refused.Endpoint = "/refused"
		if r.Verdict == rules.Warn {
			s.Write(&refused)
		}
	}
	s.Close()
	if got, want := s.Summary.Coverage.String(), "2 endpoints switched, 1 was offered an upgrade and did not, 0 were never offered one"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
