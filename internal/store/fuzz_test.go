package store

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzImport reads hostile lines. Every line that it accepts can be written and read again.
func FuzzImport(f *testing.F) {
	for _, r := range corpus(f)[:20] {
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, line := range []string{
		`{"table":"runs","row":{"id":"01R","labels":{"a":"b"},"began":"2026-11-21T00:00:00Z"}}`, `{"table":"findings","row":{"rule":"a","count":9,"verdict":"fail"}}`,
		`{"table":"probe_results","row":{"run":"01R","status":101}}`, `{"table":"endpoints","row":{"route":"a","count":3,"tls":true}}`, `{"table":"more"}`,
		`{"id":"1","time":"2026-11-28T18:22:07Z","request":{"head":"R0VU"},"verdict":"pass","findings":[{"rule":"Z-OTHER","verdict":"pass","party":"server"},` +
			`{"rule":"A-OTHER","verdict":"pass","party":"server"},{"rule":"UPGRADE-101-CL","verdict":"pass","severity":"medium","party":"server","refs":["RFC 9110 §8.6","RFC 9112 §6.3"]}]}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		i := importer{from: exported{ID: "01S"}}
		if i.line(t.Context(), line) != nil {
			return
		}
		if _, err := runRows(i.runs); err != nil {
			t.Fatal(err)
		}
		resultRows(i.results)
		endpointRows(i.endpoints)
		for id, row := range i.exchanges {
			if strings.ContainsRune(id, 0) || len(id) > maxKey+3 {
				t.Errorf("ID %q", id)
			}
			r, err := readExchange(row[17].(string), row[18].(string), passes{})
			if err != nil {
				t.Fatal(err)
			}
			again, err := exchangeRow(r, nil)
			if err != nil || again[17] != row[17] || again[18] != row[18] {
				t.Errorf("was\n%v\nis\n%v, %v", row[17:], again[17:], err)
			}
		}
	})
}

// FuzzPassed reads hostile lists of passed rules.
func FuzzPassed(f *testing.F) {
	f.Add("UPGRADE-POST=4 UPGRADE-HTTP10~2")
	f.Add("UPGRADE-POST=\xff comp-upgrade-post~0 = ~ UPGRADE-POST")
	bare := judged(good("/chat"))
	bare.Findings = nil
	ruling, err := json.Marshal(bare)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, passed string) {
		r, err := readExchange(passed, string(ruling), passes{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}
