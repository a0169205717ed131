//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestAClickIsMadeOnceWhilePagesAreLeft checks the harness of the tests in a browser. Each page
// looks like the one before, begins late, arrives in two parts and reloads itself once.
func TestAClickIsMadeOnceWhilePagesAreLeft(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	var order []string
	addr := site(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		again := asked[r.URL.Path] > 1
		if r.Method == http.MethodPost {
			order = append(order, r.URL.Path)
		}
		mu.Unlock()
		time.Sleep(100 * time.Millisecond) // the page before is still there
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!DOCTYPE html><title>%s</title><link rel=icon href=data:,><form method=post action=%sx><button>next</button></form>", r.URL.Path, r.URL.Path)
		http.NewResponseController(w).Flush()
		time.Sleep(100 * time.Millisecond) // what the page before has may be missing here
		fmt.Fprint(w, "<p>all of it</p>")
		if !again && r.Method == http.MethodGet {
			fmt.Fprint(w, "<script>onload = () => location.reload()</script>")
		}
	})
	b := browser(t, addr)
	b.open("/x")
	b.until(`performance.getEntriesByType("navigation")[0].type == "reload"`)
	for range 4 {
		b.follow("button")
		if got := ask[string](b, `document.querySelector("p").innerText`); got != "all of it" {
			t.Errorf("got %q", got)
		}
	}
	b.silent("clicks")
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"/xx", "/xxx", "/xxxx", "/xxxxx"}; !slices.Equal(order, want) {
		t.Errorf("got the clicks %q, want %q", order, want)
	}
}
