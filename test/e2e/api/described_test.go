// Package api checks the responses of the admin API against its OpenAPI description. It fetches the
// description from the server, as API clients do.
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described returns the description with every object closed: a response may have only the
// properties described.
func described(t *testing.T, at string) (doc map[string]any, schema func(name string) *jsonschema.Schema) {
	t.Helper()
	_, _, description := first(t, "GET", at+"/api/v1/openapi.json", "")
	if err := json.Unmarshal([]byte(description), &doc); err != nil {
		t.Fatal(err)
	}
	closed, err := jsonschema.UnmarshalJSON(strings.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	shut(closed)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("https://interlock.test/openapi.json", closed); err != nil {
		t.Fatal(err)
	}
	return doc, func(name string) *jsonschema.Schema {
		s, err := c.Compile("https://interlock.test/openapi.json" + strings.ReplaceAll(name, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func shut(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, each := range v {
			shut(each)
		}
	case []any:
		for _, each := range v {
			shut(each)
		}
	}
}

// asked is a request and the expected status.
type asked struct {
	pattern, path, body string
	want                int
}

// everything returns at least one request for every described route.
func everything() []asked {
	return []asked{
		{"GET /api/v1/openapi.json", "/api/v1/openapi.json", "", 200},
		{"GET /api/v1/status", "/api/v1/status", "", 200},
		{"GET /api/v1/exchanges", "/api/v1/exchanges?limit=2&q=is:unsafe", "", 200},
		{"GET /api/v1/exchanges", "/api/v1/exchanges?q=nosuch:1", "", 400},
		{"GET /api/v1/exchanges", "/api/v1/exchanges?older=1", "", 400},
		{"GET /api/v1/exchanges", "/api/v1/exchanges?limit=501", "", 400},
		{"GET /api/v1/exchanges/{id}", "/api/v1/exchanges/X1", "", 200},
		{"GET /api/v1/exchanges/{id}", "/api/v1/exchanges/nosuch", "", 404},
		{"GET /api/v1/exchanges/{id}", "/api/v1/exchanges/X5", "", 200},
		{"GET /api/v1/tunnels", "/api/v1/tunnels", "", 200},
		{"GET /api/v1/tunnels", "/api/v1/tunnels?limit=0", "", 400},
		{"GET /api/v1/findings", "/api/v1/findings?q=rule:UPGRADE-*&limit=1", "", 200},
		{"GET /api/v1/findings", "/api/v1/findings?q=proto:h2c", "", 400},
		{"GET /api/v1/findings", "/api/v1/findings?after=nosuch", "", 400},
		{"GET /api/v1/exchanges", "/api/v1/exchanges?q=why:stripped-upgrade", "", 200},
		{"GET /api/v1/exchanges/{id}", "/api/v1/exchanges/X4", "", 200},
		{"GET /api/v1/diagnoses", "/api/v1/diagnoses?q=why:stripped-*+since:1h&limit=1", "", 200},
		{"GET /api/v1/diagnoses", "/api/v1/diagnoses?q=method:GET", "", 400},
		{"GET /api/v1/diagnoses", "/api/v1/diagnoses?after=nosuch", "", 400},
		{"GET /api/v1/endpoints", "/api/v1/endpoints", "", 200},
		{"GET /api/v1/instances", "/api/v1/instances", "", 200},
		{"GET /api/v1/instances", "/api/v1/instances?state=nosuch", "", 400},
		{"GET /api/v1/rules", "/api/v1/rules", "", 200},
		{"GET /api/v1/rules/{id}", "/api/v1/rules/UPGRADE-POST", "", 200},
		{"GET /api/v1/rules/{id}", "/api/v1/rules/NOSUCH", "", 404},
		{"GET /api/v1/runs", "/api/v1/runs?limit=1", "", 200},
		{"GET /api/v1/runs/{id}", "/api/v1/runs/last", "", 200},
		{"GET /api/v1/runs/{id}", "/api/v1/runs/nosuch", "", 404},
		{"GET /api/v1/compare", "/api/v1/compare?a=R1&b=R2", "", 200},
		{"GET /api/v1/compare", "/api/v1/compare?a=R1", "", 400},
		{"GET /api/v1/export", "/api/v1/export?format=sarif&q=is:unsafe", "", 200},
		{"GET /api/v1/export", "/api/v1/export?format=wire", "", 400},
		{"GET /api/v1/export", "/api/v1/export?format=json&id=nosuch", "", 404},
		{"GET /api/v1/probe-runs", "/api/v1/probe-runs", "", 200},
		{"POST /api/v1/probe-runs", "/api/v1/probe-runs", `{"endpoint":"/other"}`, 422},
		{"POST /api/v1/probe-runs", "/api/v1/probe-runs", `{"endpoint":"/chat"}`, 202},
		{"POST /api/v1/probe-runs", "/api/v1/probe-runs", `{"endpoint":"/chat"}`, 409},
		{"GET /api/v1/probe-runs/{run}", "/api/v1/probe-runs/{run}", "", 200},
		{"GET /api/v1/probe-runs/{run}", "/api/v1/probe-runs/nosuch", "", 404},
		{"DELETE /api/v1/probe-runs/{run}", "/api/v1/probe-runs/{run}", "", 204},
		{"GET /api/v1/probe-runs/{run}/events", "/api/v1/probe-runs/{run}/events", "", 200},
		{"GET /api/v1/events", "/api/v1/events", "", 200},
		{"POST /api/v1/replays", "/api/v1/replays", `{"exchange":"X1"}`, 201},
		{"POST /api/v1/replays", "/api/v1/replays", `{"exchange":"nosuch"}`, 404},
		{"POST /api/v1/accepts", "/api/v1/accepts", `{"rule":"UPGRADE-POST","reason":"r","confirmed":true}`, 200},
		{"POST /api/v1/accepts", "/api/v1/accepts", `{"rule":"UPGRADE-POST"}`, 422},
		{"POST /api/v1/reload", "/api/v1/reload", `{"dryRun":true}`, 200},
		{"POST /api/v1/reload", "/api/v1/reload", "", 200},
		{"POST /api/v1/reload", "/api/v1/reload", `{"nosuch":1}`, 400},
		{"POST /api/v1/evidence", "/api/v1/evidence", `{"paused":true}`, 200},
		{"POST /api/v1/evidence", "/api/v1/evidence", `{}`, 400},
	}
}

// TestHandlersAnswerAsDescribed requests every route and validates each response against the schema
// of its status.
func TestHandlersAnswerAsDescribed(t *testing.T) {
	at := serve(t, filled(t))
	doc, schema := described(t, at)
	seen := map[string]bool{}
	run := ""
	for _, a := range everything() {
		seen[a.pattern] = true
		method, pattern, _ := strings.Cut(a.pattern, " ")
		status, media, text := first(t, method, at+strings.ReplaceAll(a.path, "{run}", run), a.body)
		if status != a.want {
			t.Errorf("%s %s: %d %.200s, want %d", method, a.path, status, text, a.want)
			continue
		}
		if status == 202 {
			var said struct{ Run string }
			if err := json.Unmarshal([]byte(text), &said); err != nil {
				t.Fatal(err)
			}
			run = said.Run
		}
		op := doc["paths"].(map[string]any)[pattern].(map[string]any)[strings.ToLower(method)].(map[string]any)
		if err := fits(doc, schema, op, pattern, method, status, media, text); err != nil {
			t.Errorf("%s %s: %d %.300s: %v", method, a.path, status, text, err)
		}
	}
	for path, item := range doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if pattern := strings.ToUpper(method) + " " + path; !seen[pattern] {
				t.Errorf("%s is not asked for", pattern)
			}
		}
	}
}

// first makes a request and returns the response; of an event stream it returns only the beginning.
func first(t *testing.T, method, url, body string) (status int, media, text string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	p, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Body.Close()
	media = p.Header.Get("Content-Type")
	if media == "text/event-stream" {
		return p.StatusCode, media, ""
	}
	b, err := io.ReadAll(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	return p.StatusCode, media, string(b)
}

// fits validates a response against the description of its operation.
func fits(doc map[string]any, schema func(string) *jsonschema.Schema, op map[string]any, path, method string, status int, media, text string) error {
	at := fmt.Sprintf("#/paths/%s/%s/responses/%d", strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path), strings.ToLower(method), status)
	response, ok := op["responses"].(map[string]any)[fmt.Sprint(status)].(map[string]any)
	if !ok {
		return errors.New("this status is not described")
	}
	if response["$ref"] == "#/components/responses/Error" {
		at, response = "#/components/responses/Error", doc["components"].(map[string]any)["responses"].(map[string]any)["Error"].(map[string]any)
	}
	content, _ := response["content"].(map[string]any)
	if content == nil {
		if text != "" {
			return errors.New("something came, and nothing is described")
		}
		return nil
	}
	media, _, _ = strings.Cut(media, ";")
	if _, ok := content[media]; !ok {
		return fmt.Errorf("%s is not described", media)
	}
	if content[media].(map[string]any)["schema"] == nil {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema(at + "/content/" + strings.ReplaceAll(media, "/", "~1") + "/schema").Validate(value)
}
