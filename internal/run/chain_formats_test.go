package run

import (
	"encoding/json"
	"encoding/xml"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// outputsIn are the values of -o for all formats, in files of a folder.
func outputsIn(dir string) (all []string) {
	for _, f := range report.Formats() {
		all = append(all, f.Name+"="+filepath.Join(dir, f.Name))
	}
	return all
}

// TestChainWritesEveryFormat holds that all formats have the findings of a run, and none a secret of
// the user, on either side of the hop.
func TestChainWritesEveryFormat(t *testing.T) {
	dir := t.TempDir()
	secrets := []string{"s3cret-0815", "tok-4711", "crumb-99"}
	status := chainInto(t, "fabricates-connection", func(c *Chaining) {
		c.Flags.Fields = []string{"X-Deploy: s3cret-0815", "Authorization: Bearer tok-4711", "Cookie: sid=crumb-99"}
		c.Flags.Only = append(c.Flags.Only, "CHAIN-PREMATURE*", "CHAIN-POOL-*", "CHAIN-BODY-*", "CHAIN-NOMINATE*")
		c.Flags.Timeout = 2 * time.Second // some of these wait for what does not come
		c.Flags.Outputs = outputsIn(dir)
		c.Flags.Verbose = true
		c.Config.Store = filepath.Join(dir, "store.db")
	})
	if status != exit.StatusFound {
		t.Errorf("got status %d, want %d", status, exit.StatusFound)
	}
	for _, f := range report.Formats() {
		all := strings.Builder{}
		err := filepath.WalkDir(filepath.Join(dir, f.Name), func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				all.WriteString(readFile(t, name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		text := all.String()
		for _, want := range []string{"CHAIN-CONN-KEEPALIVE", "UPGRADE-HOP-CONN-FABRICATED"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s is missing", f.Name, want)
			}
		}
		for _, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s shows %s: %q", f.Name, secret, text[max(0, i-200):i+20])
			}
		}
		if says := (map[string]bool{"text": true, "html": true, "markdown": true, "junit": true, "sarif": true}); says[f.Name] && !strings.Contains(text, "Not safe: ") {
			t.Errorf("%s does not say that the proxy is not safe", f.Name)
		}
		both := map[string]string{
			"text": "* >> Connection: Upgrade", "html": "&gt;&gt; </span><mark>Connection: Upgrade</mark>", "markdown": "* >> Connection: Upgrade",
			"junit": "* >> Connection: Upgrade", "gitlab": `* \u003e\u003e Connection: Upgrade`, "sarif": `* \u003e\u003e Connection: Upgrade`,
			"wire": `>> Connection: Upgrade\r\n`, "json": `"far": {`, "ndjson": `"far":{`, "har": `"far":{`,
		}
		if !strings.Contains(text, both[f.Name]) {
			t.Errorf("%s does not show the side of the backend: %s", f.Name, both[f.Name])
		}
		switch f.Name {
		case "json", "sarif", "gitlab", "har":
			if !json.Valid([]byte(text)) {
				t.Errorf("%s is not JSON", f.Name)
			}
		case "junit":
			if err := xml.Unmarshal([]byte(text), new(struct{ XMLName xml.Name })); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(string(b), secret) {
			t.Errorf("the store has %s", secret)
		}
	}
}

// TestChainIsStored holds that a run is kept with both sides of its exchanges.
func TestChainIsStored(t *testing.T) {
	name := filepath.Join(t.TempDir(), "store.db")
	chainInto(t, "fabricates-connection", func(c *Chaining) {
		c.Config.Store, c.Flags.Outputs = name, []string{"text=/dev/null"}
	})
	s, err := store.Open(t.Context(), name, store.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := s.FindRun(t.Context(), "RUN")
	if err != nil || r.Command != "chain" || r.Summary["fail"] != 2 {
		t.Fatalf("got %+v, %v", r, err)
	}
	results, err := s.Results(t.Context(), "RUN")
	if err != nil || len(results) != 10 {
		t.Fatalf("got %d results, %v", len(results), err)
	}
	failed := 0
	for i := range results {
		x := &results[i]
		if x.Verdict != "fail" {
			continue
		}
		failed++
		ruling, err := s.Ruling(t.Context(), x.Exchange)
		if err != nil {
			t.Fatal(err)
		}
		h := ruling.X.Hop
		if h == nil || h.Far == nil || !h.Clock || !h.Far.Request.HasOption("upgrade") || h.Far.Response == nil || ruling.X.Request.HasOption("upgrade") {
			t.Errorf("%s: both sides are not kept: %+v", x.Probe, h)
		}
		if ruling.Endpoint != "/under" || x.Endpoint != "/under" || x.Rule != "UPGRADE-HOP-CONN-FABRICATED" || ruling.Run != "RUN" {
			t.Errorf("got %+v", x)
		}
	}
	if failed != 2 {
		t.Errorf("%d results failed, want 2", failed)
	}
}

// TestChainBaseline holds that two runs have the same fingerprints, although each request has a path of
// its own, and that a fault at two hops is two findings.
func TestChainBaseline(t *testing.T) {
	dir := t.TempDir()
	named := func(c *Chaining, outputs ...string) {
		url := c.Via[0]
		c.Via, c.Flags.Outputs = []string{"old=" + url, "new=" + url}, outputs
	}
	first := filepath.Join(dir, "first.json")
	if status := chainInto(t, "fabricates-connection", func(c *Chaining) { named(c, "json="+first, "ndjson="+first+"l") }); status != exit.StatusFound {
		t.Errorf("got status %d, want %d", status, exit.StatusFound)
	}
	var one, lines accept.Findings
	for name, into := range map[string]*accept.Findings{first: &one, first + "l": &lines} {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := report.Read(file, into.Add); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if fixed := accept.Summary(accept.Diff(&one, &lines)); fixed[accept.New]+fixed[accept.Fixed]+fixed[accept.Changed]+fixed[accept.NotSeen] != 0 {
		t.Errorf("json and ndjson differ: %v", fixed)
	}
	routes := map[string]int{}
	for _, d := range accept.Diff(new(accept.Findings), &one) {
		if d.B.Verdict == rules.Fail {
			routes[d.B.Key.Route]++
		}
	}
	if routes["old"] != 2 || routes["new"] != 2 {
		t.Errorf("got failures %v, want two at each hop", routes)
	}
	second := filepath.Join(dir, "second.json")
	status := chainInto(t, "fabricates-connection", func(c *Chaining) {
		named(c, "json="+second)
		c.Accepting.States.Baseline = &one
	})
	if status != exit.StatusClean {
		t.Errorf("got status %d of a run with known failures, want %d", status, exit.StatusClean)
	}
	if text := readFile(t, second); !strings.Contains(text, `"state": "known"`) || strings.Contains(text, `"state": "new"`) {
		t.Error("the findings of the second run are not known")
	}
}

// TestChainAccepts holds that findings of chain can be accepted, by rule and by the probe of chain.
func TestChainAccepts(t *testing.T) {
	w := accept.Written{Rule: "UPGRADE-HOP-CONN-FABRICATED", Probe: "chain-conn-*", Endpoint: "/under", Reason: "it is on its way out"}
	e, faults := w.Entry()
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	text, document, status := chained(t, "fabricates-connection", func(c *Chaining) { c.Accepting.States.Entries = []accept.Entry{e} })
	if status != exit.StatusClean || !strings.Contains(text, " accepted=2 new=0 ") || !strings.Contains(text, "has 2 faults, and none is new") || strings.Count(document, `"state": "accepted"`) != 2 {
		t.Errorf("got status %d and\n%s", status, text)
	}
	w.Probe = "CHAIN-NONE"
	if _, faults := w.Entry(); len(faults) != 1 || faults[0].Key != "probe" {
		t.Errorf("got %v for a probe that does not exist", faults)
	}
}

// TestNoSecretIsGluedToAnotherRequest has a hop send other clients' requests, with the secrets of the
// user, as the body of a request, and holds that no format shows them there.
func TestNoSecretIsGluedToAnotherRequest(t *testing.T) {
	dir := t.TempDir()
	status := chainInto(t, "pools-unsent-body", func(c *Chaining) {
		c.Flags.Fields = []string{"X-Deploy: s3cret-0815"}
		c.Flags.Only = []string{"CHAIN-BODY-EARLY-403"}
		c.Flags.Timeout = 2 * time.Second // the backend waits for the rest of a body
		c.Flags.Outputs = outputsIn(dir)
		c.Config.Store = filepath.Join(dir, "store.db")
	})
	if status != exit.StatusFound {
		t.Errorf("got status %d, want %d", status, exit.StatusFound)
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(readFile(t, name), "s3cret") {
			t.Errorf("%s shows the secret", filepath.Base(name))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
