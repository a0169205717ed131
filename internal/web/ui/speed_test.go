package ui

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/rules"
)

// BenchmarkPagesOfManyExchanges serves each screen over an SQLite file with a hundred thousand exchanges.
func BenchmarkPagesOfManyExchanges(b *testing.B) {
	const all = 100_000
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "store.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var kinds []*rules.Ruling
	a := &audit.Audit{Each: func(r *rules.Ruling) { kinds = append(kinds, r) }}
	for _, x := range corpus(b) {
		x.ID = fmt.Sprint(len(kinds))
		a.Observe(x)
	}
	w := &store.Writer{Store: s, Bytes: 8 << 30, Count: 2 * all, Limits: store.Limits{Bytes: 1 << 40}}
	began := time.Now()
	for i := range all {
		r := *kinds[i%len(kinds)]
		x := *r.X
		x.ID, x.Time = fmt.Sprintf("01J%023d", i), began.Add(-time.Duration(all-i)*time.Second)
		r.X = &x
		w.Write(&r)
	}
	w.Drain = time.Minute
	ctx, stop := context.WithCancel(b.Context())
	stop()
	if err := w.Run(ctx); err != nil {
		b.Fatal(err)
	}
	h := (&Pages{Store: s, Audit: a, Filter: filter.Parse}).Handler()
	for _, path := range []string{
		"/", "/?range=30d", "/exchanges", "/exchanges?q=verdict:fail", "/exchanges?q=proto:h2c", "/exchanges?q=rule:UPGRADE-POST", "/exchanges?q=path:/nowhere",
		fmt.Sprintf("/exchanges?older=%d.01J", began.Add(-all/2*time.Second).UnixMilli()), "/exchanges/01J00000000000000000050000", "/findings", "/probes", "/compare", "/rules", "/status",
	} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
