package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

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
	for _, text := range handedOver(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all := readBoth(t, b, iotest.HalfReader)
		want, n := render(t, "ndjson", Options{}, all), 0
		if len(all) == 0 {
			return
		}
		if err := Read(strings.NewReader(want), func(*rules.Ruling) { n++ }); err != nil || n != len(all) {
			t.Fatalf("got %d of %d, %v", n, len(all), err)
		}
	})
}

// readBoth reads a report line by line and by the decoder alone, and returns its rulings: both
// have to read the same and fail the same. In makes the reader that gives the lines.
func readBoth(t testing.TB, b []byte, in func(io.Reader) io.Reader) (all []*rules.Ruling) {
	t.Helper()
	var careful []*rules.Ruling
	want := (&reportFile{careful: true, each: func(r *rules.Ruling) { careful = append(careful, r) }}).readAll(bytes.NewReader(b))
	got := Read(in(bytes.NewReader(b)), func(r *rules.Ruling) { all = append(all, r) })
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
	if got, want := render(t, "ndjson", Options{}, all), render(t, "ndjson", Options{}, careful); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	return all
}

// handedOver are reports that end, or have a fault, after lines that are read as such.
func handedOver(t testing.TB) map[string]string {
	t.Helper()
	all := rulings(t)
	lines := strings.SplitAfter(render(t, "ndjson", Options{}, all), "\n")
	one, two := lines[0], lines[1]
	array := render(t, "json", Options{}, all)
	element := strings.TrimSuffix(one, "\n") + ",\n"
	return map[string]string{
		"an array":             array,
		"half an array":        array[:len(array)/2],
		"a comma too many":     strings.TrimSuffix(array, "\n]\n") + ",\n]\n",
		"no comma":             strings.Replace(array, "},\n{", "}\n{", 1),
		"a comma alone":        "[\n" + element + ",\n" + one + "]\n",
		"a comma before":       "[\n" + element[:len(element)-2] + "\n," + one + "]\n",
		"two on a line":        "[\n" + element + element[:len(element)-1] + element + one + "]\n",
		"another element":      "[\n" + element + "7,\n" + one + "]\n",
		"empty lines":          "[\n\n" + element + "\n" + element + "\n" + one + "\n]\n",
		"carriage returns":     strings.ReplaceAll(array, "\n", "\r\n"),
		"an array and more":    array + "7",
		"a ruling cut off":     "[\n" + element + element[:len(element)-4] + "\n,\n" + one + "]\n",
		"lines":                one + two,
		"lines that are empty": one + "\n\n" + two + "\n",
		"a line of two":        one + strings.TrimSuffix(two, "\n") + " " + one,
		"a line of another":    one + two + "7\n",
		"a line in parts":      one + strings.ReplaceAll(two, `,"`, ",\n\""),
		"a line cut off":       one + two[:len(two)/2],
		"a line without end":   one + strings.TrimSuffix(two, "\n"),
		"an array after lines": one + two + array,
		"findings first":       one + `{"findings":[],` + two[1:],
		"findings twice":       one + strings.Replace(two, `,"findings":[`, `,"findings":[],"findings":[`, 1),
		"findings within":      one + strings.Replace(two, `,"findings":[`, `,"x":{"a":1,"findings":[]},"findings":[`, 1),
		"another name":         one + strings.Replace(two, `,"findings":[`, `,"Findings":[],"findings":[`, 1),
		"a name after":         one + strings.TrimSuffix(two, "}\n") + `,"id":"other"}` + "\n",
		"a string as a name":   one + strings.Replace(two, `"id":"`, `"id":",\"findings\":[`, 1),
	}
}

func TestLinesAreReadAsOtherText(t *testing.T) {
	for name, text := range handedOver(t) {
		t.Run(name, func(t *testing.T) { readBoth(t, []byte(text), iotest.OneByteReader) })
	}
}
