package report

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

// reports are the same rulings in each form that can be read back.
func reports(t testing.TB, all []*rules.Ruling) map[string]string {
	t.Helper()
	var document bytes.Buffer
	w := NewProbeJSON(&document, &ProbeRun{Endpoints: []ProbeEndpoint{{NotSent: []ProbeNotSent{{rules.FindProbe("UPGRADE-METHOD-PUT"), "skipped"}}}}})
	for _, r := range all {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(&Summary{}); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"json": render(t, "json", Options{}, all), "ndjson": render(t, "ndjson", Options{}, all), "document": document.String()}
}

func TestReportsAreReadBack(t *testing.T) {
	all := probed(t)
	want := render(t, "ndjson", Options{}, all)
	for name, text := range reports(t, all) {
		var read []*rules.Ruling
		if err := Read(strings.NewReader(text), func(r *rules.Ruling) { read = append(read, r) }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "document" { // which has those of probes that there are, by ID
			if len(read) < 3 || read[len(read)-1].X.Probe != "UPGRADE-POST" || read[len(read)-1].Find("UPGRADE-POST").State != "new" {
				t.Errorf("%s: got %d rulings", name, len(read))
			}
			continue
		}
		if got := render(t, "ndjson", Options{}, read); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestNoReportIsReadFrom(t *testing.T) {
	line := render(t, "ndjson", Options{}, rulings(t)[:1])
	for name, c := range map[string]struct{ text, want string }{
		"nothing":           {"", "the file is empty"},
		"space":             {" \n", "the file is empty"},
		"a word":            {`"x"`, "it is not a report of -o json or -o ndjson"},
		"text":              {"RESULT fail=1", "it is not a report of -o json or -o ndjson (at byte 0: invalid character"},
		"half a line":       {line + line[:40], "the file ends within a value"},
		"half an array":     {"[" + line + ",", "the file ends within a value"},
		"another object":    {`{"a":1}`, "it is not a report of -o json or -o ndjson (at byte 7: "},
		"another element":   {"[1]", "it is not a report of -o json or -o ndjson"},
		"another line":      {line + "7", "cannot unmarshal number"},
		"endpoints":         {`{"endpoints":7}`, "it is not a report of -o json or -o ndjson"},
		"an endpoint":       {`{"endpoints":[7]}`, "it is not a report of -o json or -o ndjson"},
		"no results":        {`{"endpoints":[{"results":{}}]}`, "it is not a report of -o json or -o ndjson"},
		"another result":    {`{"endpoints":[{"results":[{"ruling":{}}]}]}`, "is not a time"},
		"a large value":     {`{"a":"` + strings.Repeat("x", maxPortion+1) + `"}`, "a value of more than 5 MiB"},
		"a large element":   {`[{"a":"` + strings.Repeat("x", maxPortion+1) + `"}]`, "a value of more than 5 MiB"},
		"a large result":    {`{"endpoints":[{"results":[{"a":"` + strings.Repeat("x", maxPortion+1) + `"}]}]}`, "a value of more than 5 MiB"},
		"too many members":  {`{` + strings.Repeat(`"a":"`+strings.Repeat("x", 100_000)+`",`, maxPortion/100_000+1) + `"a":1}`, "a value of more than 5 MiB"},
		"too deep an array": {`{"a":` + strings.Repeat("[", 20_000), "exceeded max depth"},
	} {
		err := Read(strings.NewReader(c.text), func(*rules.Ruling) {})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if err := Read(strings.NewReader("[]\n"), func(*rules.Ruling) { t.Error("a ruling of nothing") }); err != nil {
		t.Errorf("an empty report: %v", err)
	}
}

// TestLongReportsAreRead holds that the bound is one of a ruling, not of a file.
func TestLongReportsAreRead(t *testing.T) {
	line := `{"later":"` + strings.Repeat("x", 100_000) + `",` + render(t, "ndjson", Options{}, rulings(t)[:1])[1:]
	most := maxPortion/len(line) + 10
	for name, text := range map[string]string{"ndjson": strings.Repeat(line, most), "json": "[" + strings.Repeat(line+",", most-1) + line + "]"} {
		n := 0
		if err := Read(strings.NewReader(text), func(*rules.Ruling) { n++ }); err != nil || n != most {
			t.Errorf("%s: got %d of %d, %v", name, n, most, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range reports(f, probed(f)) {
		f.Add([]byte(text))
	}
	document, err := os.ReadFile("testdata/probe-json.golden")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(document)
	f.Fuzz(func(t *testing.T, b []byte) {
		var all []*rules.Ruling
		if Read(bytes.NewReader(b), func(r *rules.Ruling) { all = append(all, r) }) != nil {
			return
		}
		want, n := render(t, "ndjson", Options{}, all), 0
		if len(all) == 0 {
			return
		}
		if err := Read(strings.NewReader(want), func(*rules.Ruling) { n++ }); err != nil || n != len(all) {
			t.Fatalf("got %d of %d, %v", n, len(all), err)
		}
	})
}
