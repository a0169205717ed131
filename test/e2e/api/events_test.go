package api

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestEventsAreAsDescribed validates one event of each kind against its schema.
func TestEventsAreAsDescribed(t *testing.T) {
	s := filled(t)
	at := serve(t, s)
	_, schema := described(t, at)
	p := follow(t, at+"/api/v1/events")
	x := exchangeOf("X9", "POST", "/chat?token=CANARY", wire.OriginLive)
	r := rules.Classify(rules.Case{X: x, Options: &rules.Options{}})
	r.Endpoint, r.Diagnoses = rules.EndpointOf(x), []rules.Diagnosis{{ID: "stripped-upgrade"}}
	s.Observe(r)
	if status, _, text := first(t, "POST", at+"/api/v1/probe-runs", `{"endpoint":"/chat"}`); status != 202 {
		t.Fatalf("%d %s", status, text)
	}
	p.expect(schema, map[string]string{"status": "Status", "exchange": "ExchangeEvent", "finding": "FindingEvent", "probe": "ProbeEvent"})
}

// TestEventsOfOpenTunnelsAreAsDescribed.
func TestEventsOfOpenTunnelsAreAsDescribed(t *testing.T) {
	at := serve(t, filled(t))
	_, schema := described(t, at)
	follow(t, at+"/api/v1/events?tunnel=X5").expect(schema, map[string]string{"tunnel": "Tunnel"})
	follow(t, at+"/api/v1/events?tunnels=true").expect(schema, map[string]string{"tunnels": "Tunnels"})
}

// followed is a stream of events.
type followed struct {
	t    *testing.T
	body io.Reader
}

// follow asks for events, for half a minute at most.
func follow(t *testing.T, url string) followed {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(stop)
	q, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Body.Close() })
	return followed{t, p.Body}
}

// expect reads until one event of each name has come, and validates it against its schema.
func (f followed) expect(schema func(string) *jsonschema.Schema, want map[string]string) {
	f.t.Helper()
	lines := bufio.NewScanner(f.body)
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
			f.t.Errorf("%s %s: %v", name, value, err)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		f.t.Errorf("missing events %v: %v", want, lines.Err())
	}
}
