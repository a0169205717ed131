package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestRulingsComeBackAsTheyWere(t *testing.T) {
	all := corpus(t)
	everywhere(t, func(t *testing.T, s *Store) {
		write(t, s, all...)
		got := read(t, s, Query{})
		if len(got) != len(all) {
			t.Fatalf("%d of %d rulings", len(got), len(all))
		}
		for i := range all {
			if got, want := marshal(t, got[i]), marshal(t, all[i]); got != want {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
		}
		one, err := s.Ruling(t.Context(), all[7].X.ID)
		if err != nil || one.X.ID != all[7].X.ID {
			t.Errorf("got %v, %v", one, err)
		}
		if _, err := s.Ruling(t.Context(), "nothing"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		if n, err := s.Count(t.Context(), Query{}); n != int64(len(all)) || err != nil {
			t.Errorf("counted %d, %v", n, err)
		}
	})
}

func TestFindingsCountOnceForEachExchange(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := &Writer{Store: s}
		var first, last *wire.Exchange
		for i := range 10 {
			x := bad(fmt.Sprintf("/rooms/%d", i))
			if first == nil {
				first = x
			}
			last = x
			var before *rules.Ruling
			for revision := range 3 {
				copied := *x
				copied.Revision, copied.Complete, copied.Final = revision, revision > 0, revision == 2
				before = after(before, &copied)
				w.Write(before)
				if revision == i%3 { // some revisions are written separately
					flush(t, w)
				}
			}
		}
		finish(t, w)
		found := findings(t, s, Query{})
		if len(found) != 1 {
			t.Fatalf("got %+v", found)
		}
		f := found[0]
		if f.Rule != "UPGRADE-POST" || f.Count != 10 || !f.Unsafe || f.Verdict != rules.Fail || f.Severity != rules.Critical || f.Party != rules.Server ||
			f.Endpoint != "/rooms/{id}" || f.FirstID != first.ID || f.LastID != last.ID || f.Detail == "" || f.FirstSeen.UnixMilli() != first.Time.UnixMilli() {
			t.Errorf("got %+v", f)
		}
		if f.Fingerprint != (rules.Key{Rule: "UPGRADE-POST", Route: "default", Endpoint: "/rooms/{id}"}).Fingerprint() {
			t.Errorf("fingerprint %s", f.Fingerprint)
		}
		all := read(t, s, Query{})
		if len(all) != 10 || slices.ContainsFunc(all, func(r *rules.Ruling) bool { return r.X.Revision != 2 }) {
			t.Errorf("%d exchanges, or an early report of one", len(all))
		}
	})
}

// flush writes one batch, as Run does.
func flush(t testing.TB, w *Writer) {
	t.Helper()
	if b := w.next(); b != nil {
		if err := w.deliver(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALaterReportMayBeWorse(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := &Writer{Store: s}
		early := good("/chat")
		early.Final = false
		w.Write(judged(early))
		flush(t, w)
		late := *early
		late.Revision, late.Final = 1, true
		late.After.Server, late.After.ServerBytes = []byte("HTTP/1.1 502 Bad Gateway\r\n"), 26
		w.Write(judged(&late))
		flush(t, w)
		w.Write(judged(early)) // this report arrives too late
		finish(t, w)
		if found := findings(t, s, Query{}); len(found) != 1 || found[0].Count != 1 || !found[0].Unsafe {
			t.Errorf("got %+v", found)
		}
		if all := read(t, s, Query{Unsafe: true}); len(all) != 1 || all[0].X.Revision != 1 {
			t.Errorf("got %v", ids(all))
		}
	})
}

func TestQueries(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		began := time.UnixMilli(time.Now().UnixMilli()).UTC()
		var all []*rules.Ruling
		for i, x := range []*wire.Exchange{good("/chat"), bad("/chat"), refused("/rooms/7"), bad("/rooms_7"), good("/x[1]")} {
			x.ID, x.Time = fmt.Sprint(i), began.Add(time.Duration(i)*time.Second)
			all = append(all, judged(x))
		}
		all[3].Run, all[3].X.Route = "01R", "other"
		all[4].X.Origin = wire.OriginReplay
		write(t, s, all...)
		for name, c := range map[string]struct {
			query Query
			want  string
		}{
			"all":               {Query{}, "01234"},
			"id":                {Query{ID: "2"}, "2"},
			"since":             {Query{Since: began.Add(2 * time.Second)}, "234"},
			"until":             {Query{Until: began.Add(2 * time.Second)}, "01"},
			"run":               {Query{Run: "01R"}, "3"},
			"live":              {Query{Live: true}, "0124"},
			"origin":            {Query{Origin: "replay"}, "4"},
			"fail":              {Query{Verdicts: AtLeast(rules.Fail)}, "13"},
			"at least warn":     {Query{Verdicts: AtLeast(rules.Warn)}, "123"},
			"pass":              {Query{Verdicts: []rules.Verdict{rules.Pass}}, "04"},
			"rule":              {Query{Rule: "UPGRADE-POST"}, "123"},
			"rule glob":         {Query{Rule: "*-P?ST"}, "123"},
			"rule case":         {Query{Rule: "upgrade-post"}, ""},
			"no rule":           {Query{Rule: "UPGRADE-GET"}, ""},
			"endpoint":          {Query{Endpoint: "/chat"}, "01"},
			"endpoint glob":     {Query{Endpoint: "/*oom*"}, "23"},
			"endpoint one":      {Query{Endpoint: "/rooms?7"}, "3"},
			"underscore":        {Query{Endpoint: "/rooms_7"}, "3"},
			"bracket":           {Query{Endpoint: "/x[1]"}, "4"},
			"percent":           {Query{Endpoint: "/%"}, ""},
			"route":             {Query{Route: "other"}, "3"},
			"protocol":          {Query{Protocol: "websocket", Status: 405}, "2"},
			"outcome":           {Query{Outcome: "refused"}, "2"},
			"unsafe":            {Query{Unsafe: true}, "13"},
			"instance":          {Query{Instance: "a1", Limit: 2}, "01"},
			"newest":            {Query{Newest: true, Limit: 2}, "43"},
			"newest beyond":     {Query{Newest: true, Beyond: Cursor{began.Add(3 * time.Second), "3"}}, "210"},
			"beyond":            {Query{Beyond: Cursor{began.Add(3 * time.Second), "3"}}, "4"},
			"several together":  {Query{Rule: "UPGRADE-*", Endpoint: "/chat*", Verdicts: AtLeast(rules.Fail), Status: 101, Live: true}, "1"},
			"what is not there": {Query{Run: "no'; DROP TABLE runs"}, ""},
		} {
			if got := strings.Join(ids(read(t, s, c.query)), ""); got != c.want {
				t.Errorf("%s: got %q, want %q", name, got, c.want)
			}
			if n, err := s.Count(t.Context(), c.query); c.query.Limit == 0 && c.query.Beyond.ID == "" && (n != int64(len(c.want)) || err != nil) {
				t.Errorf("%s: counted %d, %v", name, n, err)
			}
		}
		for name, c := range map[string]struct {
			query Query
			want  int64
		}{
			"all": {Query{}, 3}, "run": {Query{Run: "01R"}, 1}, "live": {Query{Live: true}, 2}, "endpoint": {Query{Endpoint: "/rooms*"}, 2},
			"fail": {Query{Verdicts: AtLeast(rules.Fail)}, 2}, "rule": {Query{Rule: "*POST", Unsafe: true}, 2}, "since": {Query{Since: began.Add(2 * time.Second)}, 2},
			"until": {Query{Until: began.Add(3 * time.Second)}, 2}, "route": {Query{Route: "default"}, 2},
		} {
			count := int64(0)
			for _, f := range findings(t, s, c.query) {
				count += f.Count
			}
			if count != c.want {
				t.Errorf("findings, %s: got %d, want %d", name, count, c.want)
			}
		}
	})
}

func TestPagesMeetWithoutGaps(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		var all []*rules.Ruling
		at := time.Now()
		for i := range 2*maxPage + 17 {
			x := good("/chat")
			x.ID, x.Time = fmt.Sprintf("%06d", i), at.Add(time.Duration(i/100)*time.Millisecond) // many with the same time
			all = append(all, judged(x))
		}
		write(t, s, all...)
		got := ids(read(t, s, Query{}))
		if want := ids(all); !slices.Equal(got, want) {
			t.Fatalf("%d of %d", len(got), len(want))
		}
		slices.Reverse(got)
		if newest := ids(read(t, s, Query{Newest: true})); !slices.Equal(newest, got) {
			t.Errorf("the other way: %d", len(newest))
		}
		stop := errors.New("enough")
		n := 0
		err := s.Rulings(t.Context(), Query{}, func(*rules.Ruling) error {
			if n++; n == maxPage+1 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || n != maxPage+1 {
			t.Errorf("%d, %v", n, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = s.Rulings(ctx, Query{}, func(*rules.Ruling) error {
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if z, err := s.Size(t.Context()); err != nil || z.Exchanges != int64(len(all)) || z.Bytes < 1000*z.Exchanges {
			t.Errorf("size %+v, %v", z, err)
		}
	})
}

func TestRunsResultsAndEndpoints(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		began := time.UnixMilli(time.Now().UnixMilli()).UTC()
		run := Run{
			ID: "01R", Command: "probe", Origin: "probe", Version: "0.1.0", Instance: "a1", Labels: map[string]string{"branch": "ma\x00in"}, Began: began,
		}
		w := &Writer{Store: s}
		w.Begin(run)
		flush(t, w)
		if got, err := s.Run(t.Context(), "01R"); err != nil || !got.Ended.IsZero() || !got.Began.Equal(began) {
			t.Errorf("got %+v, %v", got, err)
		}
		ended := run
		ended.Ended, ended.Summary = began.Add(time.Minute), map[string]int64{"fail": 1}
		w.End(ended)
		w.Begin(Run{ID: "00R", Began: began.Add(-time.Hour)})
		flush(t, w)
		w.Begin(run) // again, too late
		for i, x := range []*wire.Exchange{refused("/chat"), bad("/chat"), good("/chat?token=s3cret"), good("/chat?token=other")} {
			if x.Time = began.Add(time.Duration(i) * time.Second); i < 2 {
				x.Origin, x.Probe, x.Controls = wire.OriginProbe, "UPGRADE-POST", wire.ControlsAccepted
			}
			r := judged(x)
			if i < 2 {
				r.Run = "01R"
			}
			w.Write(r)
		}
		w.Result(Result{Run: "01R", Backend: "127.0.0.1:3000", Route: "default", Endpoint: "/chat", Probe: "UPGRADE-GET-BODY", Verdict: "not-sent", Reason: "no time", Time: began})
		finish(t, w)
		runs, err := s.Runs(t.Context())
		if err != nil || len(runs) != 2 || runs[0].ID != "01R" || marshal(t, runs[0]) != marshal(t, ended) {
			t.Errorf("got %s, %v", marshal(t, runs), err)
		}
		if _, err := s.Run(t.Context(), "02R"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		results, err := s.Results(t.Context(), "01R")
		if err != nil || len(results) != 2 || results[0].Verdict != "not-sent" || results[0].Reason != "no time" {
			t.Fatalf("got %+v, %v", results, err)
		}
		if r := results[1]; r.Verdict != "fail" || r.Rule != "UPGRADE-POST" || r.Severity != "critical" || r.Status != 101 || r.Detail == "" || r.Exchange == "" {
			t.Errorf("got %+v", r)
		}
		endpoints, err := s.Endpoints(t.Context())
		if err != nil || len(endpoints) != 1 {
			t.Fatalf("got %+v, %v", endpoints, err)
		}
		if e := endpoints[0]; e.Count != 2 || e.Target != "/chat?token=*****" || e.Host != "staging.test" || e.Protocol != "websocket" || e.Endpoint != "/chat" {
			t.Errorf("got %+v", e)
		}
	})
}

func TestNoSecretIsStored(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		const canary = "CANARY77"
		x := good("/chat?token=" + canary)
		x.Request = wire.ReadRequest([]byte(strings.Replace(string(x.Request.Raw), "Host:", "Cookie: s="+canary+"\r\nAuthorization: Bearer "+canary+
			"\r\nSec-WebSocket-Protocol: chat, bearer."+canary+"\r\nHost:", 1)))
		x.After.Client = []byte("\x81\x88\x00\x00\x00\x00" + canary)
		write(t, s, judged(x))
		var out strings.Builder
		if err := s.Export(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		stored := read(t, s, Query{})[0]
		for _, text := range []string{out.String(), string(stored.X.Request.Raw), stored.X.Request.Target, string(stored.X.After.Client)} {
			if strings.Contains(text, canary) || strings.Contains(text, "Q0FOQVJZ") || text == "" {
				t.Errorf("the secret is in %q", text)
			}
		}
		if got := stored.Redacted(); !slices.Contains(got, "Cookie") || !slices.Contains(got, "?token") {
			t.Errorf("blanked out: %q", got)
		}
	})
}
