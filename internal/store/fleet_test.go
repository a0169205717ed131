package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// BenchmarkAFleetsStore measures what pages ask a PostgreSQL store of ten million exchanges of 30
// days, by 100 instances. Run it with -benchtime 1x; it needs 12 GB of disk. EXCHANGES is another
// number of exchanges. DATABASE is the URL of a database on another server, which is filled unless
// it has exchanges, and stays.
func BenchmarkAFleetsStore(b *testing.B) {
	all, err := strconv.Atoi(cmp.Or(os.Getenv("EXCHANGES"), "10000000"))
	if err != nil {
		b.Fatal(err)
	}
	name := os.Getenv("DATABASE")
	if name == "" {
		name = postgresCluster(b).database(b)
	}
	s := open(b, name)
	if l, err := s.List(b.Context(), Query{Limit: 1}, false); err != nil {
		b.Fatal(err)
	} else if len(l.Rulings) == 0 {
		fillFleet(b, s, all)
	}
	first, err := s.List(b.Context(), Query{}, false)
	if err != nil || len(first.Rulings) != 50 {
		b.Fatal(len(first.Rulings), err)
	}
	middle := Cursor{time.Now().Add(-15 * day), "01"}
	asked := map[string]func(context.Context) error{}
	for name, q := range map[string]Query{
		"newest": {}, "middle": {Beyond: middle}, "live": {Live: true}, "fail": {Verdicts: AtLeast(rules.Fail)}, "warn": {Verdicts: AtLeast(rules.Warn)},
		"pass": {Verdicts: []rules.Verdict{rules.Pass}}, "unsafe": {Unsafe: true}, "grave": {Grave: true}, "benign": {Benign: true},
		"run": {Run: "01RUN"}, "origin-probe": {Origin: "probe"}, "probe": {Probe: "UPGRADE-POST"}, "route-none": {Route: "nowhere"},
		"endpoint": {Endpoint: "/service-7/socket"}, "endpoint-rare": {Endpoint: "/rare"}, "endpoint-none": {Endpoint: "/nowhere*"},
		"protocol-none": {Protocol: "none"}, "protocol-rare": {Protocol: "h2c"}, "protocol-absent": {Protocol: "masque"},
		"status": {Status: 426}, "status-rare": {Status: 418}, "status-absent": {Status: 599}, "outcome": {Outcome: "refused"}, "outcome-absent": {Outcome: "blocked"},
		"rule": {Rule: "UPGRADE-POST"}, "rule-rare": {Rule: "UPGRADE-101-TE"}, "rule-absent": {Rule: "UPGRADE-EARLY-DATA"}, "rule-pattern": {Rule: "UPGRADE-P*"},
		"why-any": {Why: "*"}, "why": {Why: "client-gone"}, "why-rare": {Why: "timeout-idle"}, "why-absent": {Why: "nothing"},
		"instance": {Instance: first.Rulings[0].Instance}, "day": {Since: time.Now().Add(-10 * day), Until: time.Now().Add(-9 * day)},
		"several": {Protocol: "websocket", Status: 101, Verdicts: AtLeast(rules.Fail), Endpoint: "/service-7/*"},
	} {
		asked["list-"+name] = func(ctx context.Context) error {
			_, err := s.List(ctx, q, false)
			return err
		}
	}
	maps.Copy(asked, map[string]func(context.Context) error{
		"one":      func(ctx context.Context) error { _, err := s.Ruling(ctx, first.Rulings[7].X.ID); return err },
		"size":     func(ctx context.Context) error { _, err := s.Size(ctx); return err },
		"findings": func(ctx context.Context) error { _, err := s.Findings(ctx, Query{}); return err },
		"endpoints": func(ctx context.Context) error {
			_, err := s.Endpoints(ctx)
			return err
		},
		"diagnoses-24h": func(ctx context.Context) error {
			_, err := s.Diagnoses(ctx, Query{Since: time.Now().Add(-day)})
			return err
		},
		"overview":     func(ctx context.Context) error { return askOverview(ctx, s, time.Hour) },
		"overview-30d": func(ctx context.Context) error { return askOverview(ctx, s, 30*day) },
	})
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(medianOf(b, asked[name]), "ms")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// medianOf returns how many milliseconds a query takes: the median of five, after a first one.
func medianOf(b *testing.B, ask func(context.Context) error) float64 {
	b.Helper()
	var took []float64
	for range 6 {
		began := time.Now()
		if err := ask(b.Context()); err != nil {
			b.Fatal(err)
		}
		took = append(took, 1000*time.Since(began).Seconds())
	}
	took = took[1:]
	slices.Sort(took)
	return took[len(took)/2]
}

// askOverview asks what the overview does.
func askOverview(ctx context.Context, s *Store, of time.Duration) error {
	if _, err := s.Totals(ctx); err != nil {
		return err
	}
	if _, err := s.Stretches(ctx, time.Now().Add(-of), time.Time{}, of/60); err != nil {
		return err
	}
	_, err := s.Findings(ctx, Query{Verdicts: AtLeast(rules.Unclear)})
	return err
}

// fillFleet fills a store with exchanges of the last 30 days, the last one now.
func fillFleet(b *testing.B, s *Store, all int) {
	b.Helper()
	const back = 30
	now := time.Now()
	began := now.Add(-back * day)
	step := float64((back * day).Milliseconds()) / float64(all)
	first := began.UTC().Truncate(day)
	today := now.UTC().Truncate(day)
	for begin := first; !begin.After(today); begin = begin.Add(day) {
		from := max(0, int(float64(begin.Sub(began).Milliseconds())/step))
		to := min(all, int(float64(begin.Add(day).Sub(began).Milliseconds())/step))
		name := partDay + begin.Format(dayFormat)
		if begin.Equal(today) {
			name = "exchanges"
		} else {
			must(b, s, "CREATE TABLE "+name+" (LIKE exchanges INCLUDING DEFAULTS)")
		}
		must(b, s, fmt.Sprintf(fleetExchanges, name, began.UnixMilli(), step, max(from-2, 0), min(to+2, all-1), begin.UnixMilli(), begin.Add(day).UnixMilli()))
		if name != "exchanges" {
			must(b, s, "ALTER TABLE exchanges ATTACH PARTITION "+name+" FOR VALUES FROM ('"+boundOf(begin)+"') TO ('"+boundOf(begin.Add(day))+"')")
		}
		must(b, s, "VACUUM ANALYZE "+name)
	}
	must(b, s, fmt.Sprintf(fleetFindings, began.UnixMilli(), now.UnixMilli()))
	must(b, s, fmt.Sprintf(fleetMinutes, began.UnixMilli()/60_000, now.UnixMilli()/60_000, all/43_200))
	must(b, s, fmt.Sprintf(fleetEndpoints, now.UnixMilli()))
	must(b, s, "VACUUM ANALYZE findings")
	must(b, s, "VACUUM ANALYZE minutes")
	must(b, s, "VACUUM ANALYZE endpoints")
}

// The content of a fleet's store: 95 of 100 exchanges pass, and of each kind that a page can ask
// for there are many, few (one in a million) or none.
const (
	fleetExchanges = `INSERT INTO %[1]s (id, revision, time, bytes, status, verdict, severity, unsafe, instance, run, origin, probe, route, endpoint,
		protocol, outcome, rules, passed, ruling, diagnoses)
	SELECT id, 0, ms, 1200, status, verdict, CASE verdict WHEN 0 THEN 3 WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE 0 END, CASE WHEN g %% 1000 = 7 THEN 1 ELSE 0 END,
		'i-' || g %% 100, CASE WHEN g %% 5000 = 9 THEN '01RUN' ELSE '' END, CASE WHEN g %% 5000 = 9 THEN 'probe' ELSE 'live' END,
		CASE WHEN g %% 5000 = 9 THEN 'UPGRADE-POST' ELSE '' END, 'default', endpoint,
		CASE WHEN g %% 1000000 = 15 THEN 'h2c' WHEN g %% 100 = 21 THEN 'none' ELSE 'websocket' END, CASE status WHEN 101 THEN 'switched' ELSE 'refused' END,
		CASE WHEN g %% 1000000 = 7 THEN '["UPGRADE-101-TE"]' WHEN verdict = 0 THEN '["UPGRADE-POST"]' WHEN verdict = 1 THEN '["UPGRADE-AUTH-QUERY"]'
			WHEN verdict = 2 THEN '["UPGRADE-WS-VER-SYNTAX"]' ELSE '[]' END,
		'UPGRADE-101-CL=2 UPGRADE-EARLY-DATA=3',
		'{"schema":1,"id":"' || id || '","instance":"i-' || g %% 100 || '","origin":"live","time":"' || to_char(to_timestamp(ms / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') ||
			'","route":"default","endpoint":"' || endpoint || '","request":{"head":"R0VUIC9hIEhUVFAvMS4xDQpIb3N0OiBhDQpVcGdyYWRlOiB3ZWJzb2NrZXQNCg0K"},"response":{"head":"' ||
			'SFRUUC8xLjEgNDI2IE5vDQoNCg=="},"outcome":"switched","verdict":"pass","findings":[]}',
		CASE WHEN g %% 1000000 = 17 THEN '["timeout-idle"]' WHEN g %% 100 = 33 THEN '["client-gone"]' ELSE '[]' END
	FROM (
		SELECT g, ms, substr(c, (ms >> 45 & 31)::int + 1, 1) || substr(c, (ms >> 40 & 31)::int + 1, 1) || substr(c, (ms >> 35 & 31)::int + 1, 1) ||
			substr(c, (ms >> 30 & 31)::int + 1, 1) || substr(c, (ms >> 25 & 31)::int + 1, 1) || substr(c, (ms >> 20 & 31)::int + 1, 1) ||
			substr(c, (ms >> 15 & 31)::int + 1, 1) || substr(c, (ms >> 10 & 31)::int + 1, 1) || substr(c, (ms >> 5 & 31)::int + 1, 1) ||
			substr(c, (ms & 31)::int + 1, 1) || upper(substr(md5(g::text), 1, 16)) AS id,
			CASE WHEN g %% 1000000 = 11 THEN 418 WHEN g %% 20 = 3 THEN 426 ELSE 101 END AS status,
			CASE WHEN g %% 100 = 7 THEN 0 WHEN g %% 50 = 3 THEN 1 WHEN g %% 50 = 5 THEN 2 ELSE 3 END AS verdict,
			CASE WHEN g %% 1000000 = 13 THEN '/rare' ELSE '/service-' || (g * 7919 / 13) %% 200 || '/socket' END AS endpoint
		FROM (SELECT g, %[2]d + (g * %[3]f)::bigint AS ms, '0123456789ABCDEFGHJKMNPQRSTVWXYZ' AS c FROM generate_series(%[4]d::bigint, %[5]d::bigint) AS g) AS times WHERE ms >= %[6]d AND ms < %[7]d
	) AS made`
	fleetFindings = `INSERT INTO findings (run, fingerprint, instance, rule, probe, route, endpoint, verdict, severity, party, unsafe, count,
		first_seen, last_seen, first_id, last_id, detail, state)
	SELECT '', md5(f::text), 'i-' || i, (ARRAY['UPGRADE-POST', 'UPGRADE-AUTH-QUERY', 'UPGRADE-WS-VER-SYNTAX', 'UPGRADE-101-TE'])[f %% 4 + 1], '', 'default', '/service-' || f || '/socket', f %% 3, 3, 1, 0, 1000, %d, %d, 'a' || f, 'b' || f,
		'Server accepted a WebSocket handshake with method POST', 'new' FROM generate_series(1, 300) AS f, generate_series(1, 100) AS i`
	fleetMinutes = `INSERT INTO minutes (minute, protocol, outcome, verdict, count, unsafe)
	SELECT m, p, CASE WHEN v < 2 THEN 'switched' ELSE 'refused' END, v, %[3]d, 0
	FROM generate_series(%[1]d, %[2]d) AS m, unnest(ARRAY['websocket', 'none']) AS p, generate_series(0, 3) AS v`
	fleetEndpoints = `INSERT INTO endpoints (route, endpoint, backend, host, protocol, subprotocol, tls, target, seen, count)
	SELECT 'default', '/service-' || e || '/socket', '10.0.0.' || h, 'service-' || e || '.test', 'websocket', '', 0, '/', %d, 1
	FROM generate_series(1, 200) AS e, generate_series(1, 10) AS h`
)
