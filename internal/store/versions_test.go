package store

import "testing"

// TestASchemaIsBroughtUpToDateInUse migrates a store of the first schema while it is used, and
// continues with the statements of the program that created it. What these write counts for both.
func TestASchemaIsBroughtUpToDateInUse(t *testing.T) {
	for _, kind := range stores {
		if kind.kind == "memory" {
			continue // a store in memory is not shared
		}
		t.Run(kind.kind, func(t *testing.T) {
			name := kind.name(t)
			old := open(t, name)
			p, err := old.provider()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.DownTo(t.Context(), 101); err != nil {
				t.Fatal(err)
			}
			count := func(instance string) {
				t.Helper()
				must(t, old, `INSERT INTO findings (run, fingerprint, instance, rule, probe, route, endpoint, verdict, severity, party, unsafe, count,
						first_seen, last_seen, first_id, last_id, detail)
					VALUES ('', 'f', '`+instance+`', 'UPGRADE-POST', '', 'default', '/a', 0, 4, 1, 1, 2, 1000, 2000, 'a', 'b', 'c')
					ON CONFLICT (run, fingerprint, instance) DO UPDATE SET count = findings.count + excluded.count`)
			}
			count("one")
			young := open(t, name)
			write(t, young, judged(bad("/a")))
			count("one")
			count("two")
			var n, instances int64
			err = old.each(t.Context(), "SELECT count, instances FROM finding_sums WHERE fingerprint = 'f'", nil, func(scan func(...any) error) error {
				return scan(&n, &instances)
			})
			if err != nil || n != 6 || instances != 2 {
				t.Errorf("got %d by %d, %v", n, instances, err)
			}
			if all := findings(t, young, Query{}); len(all) != 2 || all[0].Count+all[1].Count != 7 {
				t.Errorf("got %+v", all)
			}
			must(t, old, "INSERT INTO exchanges (id, revision, time, bytes, status, verdict, severity, unsafe, instance, run, origin, probe, route, endpoint, "+
				"protocol, outcome, rules, passed, ruling) SELECT 'new', revision, time, bytes, status, verdict, severity, unsafe, instance, run, origin, probe, route, endpoint, "+
				"protocol, outcome, rules, passed, ruling FROM exchanges")
			if all := read(t, young, Query{}); len(all) != 2 {
				t.Errorf("%d exchanges", len(all))
			}
		})
	}
}
