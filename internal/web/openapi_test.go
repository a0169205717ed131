package web

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/report"
)

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, r := range (&Server{}).api() {
		want = append(want, r.pattern)
	}
	for path, item := range doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			got = append(got, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("described are\n%s\nand there are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var formats []string
	for _, f := range report.Formats() {
		if f.Open != nil {
			formats = append(formats, f.Name)
		}
	}
	if text := string(description); !strings.Contains(strings.Join(strings.Fields(text), " "), `"enum": ["`+strings.Join(formats, `", "`)+`"]`) {
		t.Errorf("the formats are %s", formats)
	}
}
