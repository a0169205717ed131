package api

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestEventsAreAsDescribed validates one event of each kind against its schema.
func TestEventsAreAsDescribed(t *testing.T) {
	s := filled(t)
	at := serve(t, s)
	_, schema := described(t, at)
	q, err := http.NewRequestWithContext(t.Context(), "GET", at+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Body.Close()
	x := exchangeOf("X9", "POST", "/chat?token=CANARY", wire.OriginLive)
	r := rules.Classify(rules.Case{X: x, Options: &rules.Options{}})
	r.Endpoint, r.Diagnoses = rules.EndpointOf(x), []rules.Diagnosis{{ID: "stripped-upgrade"}}
	s.Observe(r)
	if status, _, text := first(t, "POST", at+"/api/v1/probe-runs", `{"endpoint":"/chat"}`); status != 202 {
		t.Fatalf("%d %s", status, text)
	}
	want := map[string]string{"status": "Status", "exchange": "ExchangeEvent", "finding": "FindingEvent", "probe": "ProbeEvent"}
	lines := bufio.NewScanner(p.Body)
	lines.Buffer(nil, 1<<20)
	for name := ""; len(want) > 0 && lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		if key == "event" {
			name = value
		}
		if key != "data" || want[name] == "" {
			continue
		}
		event, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
		if err == nil {
			err = schema("#/components/schemas/" + want[name]).Validate(event)
		}
		if err != nil || strings.Contains(value, "CANARY") {
			t.Errorf("%s %s: %v", name, value, err)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing events %v: %v", want, lines.Err())
	}
}
