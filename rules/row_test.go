package rules

import (
	"encoding/json"
	"testing"
	"time"
)

// TestRowsAreReadAgain checks the JSON of a row. Words of a later release are read as the worst
// that they may mean.
func TestRowsAreReadAgain(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 14, 5, 0, time.UTC)
	row := Row{
		Fingerprint: "f", Key: Key{Rule: "UPGRADE-POST", Route: "default", Endpoint: "/chat"},
		Tally: Tally{Verdict: Fail, Severity: High, Party: Server, Unsafe: true, Count: 3, FirstSeen: at, LastSeen: at, Detail: "d"}, State: StateNew,
	}
	const want = `{"fingerprint":"f","rule":"UPGRADE-POST","probe":"","route":"default","endpoint":"/chat","verdict":"fail","severity":"high",` +
		`"party":"server","unsafe":true,"count":3,"first":"2026-11-21T09:14:05Z","last":"2026-11-21T09:14:05Z","detail":"d","state":"new"}`
	text, err := json.Marshal(row)
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	var again Row
	if err := json.Unmarshal(text, &again); err != nil || again != row {
		t.Errorf("got %+v, %v", again, err)
	}
	if err := json.Unmarshal([]byte(`{"verdict":"doomed","severity":"fatal","party":"cache"}`), &again); err != nil ||
		again.Verdict != Unclear || again.Severity != Critical || again.Party != Server {
		t.Errorf("words of a later release: got %+v, %v", again, err)
	}
}
