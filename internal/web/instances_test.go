package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
)

// TestInstancesAreServed pages through three instances that have ended, and filters them.
func TestInstancesAreServed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.db")
	s := &Server{}
	for n := range 3 {
		opened, err := store.Open(t.Context(), file, store.Options{Instance: fmt.Sprintf("edge-%d", n), Version: "0.1"})
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		w := &store.Writer{Store: opened, Drain: time.Minute, Beat: func() store.Beat { return store.Beat{Config: "c", Counts: store.Counts{Day: 7}} }}
		ctx, stop := contextThatEnded(t)
		if err := w.Run(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		s.Store, s.Session = opened, w.Session()
	}
	get := func(query string) (status int, page instancesJSON) {
		w := httptest.NewRecorder()
		s.listInstances(w, httptest.NewRequest(http.MethodGet, "/api/v1/instances"+query, nil))
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		return w.Code, page
	}
	var seen []string
	for after := ""; ; {
		status, page := get("?limit=2&after=" + after)
		if status != http.StatusOK || page.Total != 3 || page.States[store.Ended] != 3 || page.Shared {
			t.Fatalf("status %d, %+v", status, page)
		}
		for _, i := range page.Instances {
			seen = append(seen, i.Name)
			if i.State != store.Ended || i.Counts.Day != 7 || i.Heartbeat != 30 || i.Self != (i.Name == "edge-2") {
				t.Errorf("got %+v", i)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if fmt.Sprint(seen) != "[edge-0 edge-1 edge-2]" {
		t.Errorf("got %q", seen)
	}
	for query, want := range map[string]int{"?state=ended": 3, "?state=silent": 0, "?name=-1": 1} {
		if _, page := get(query); len(page.Instances) != want || page.Total != want {
			t.Errorf("%s: got %d", query, len(page.Instances))
		}
	}
	for query, want := range map[string]int{"?state=lost": http.StatusBadRequest, "?limit=0": http.StatusBadRequest, "?after=nosuch": http.StatusBadRequest} {
		if status, _ := get(query); status != want {
			t.Errorf("%s: status %d, want %d", query, status, want)
		}
	}
}
