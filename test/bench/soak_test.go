//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestMain lets tests start this binary with a role, as the harness does.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "leaky" {
		fmt.Fprintln(os.Stderr, leaky(os.Args[2], os.Args[3], os.Args[4]))
		os.Exit(1)
	}
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			if err := role(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// leaky accepts upgrades at an address and echoes frames. Depending on what it leaks, it keeps a goroutine, a descriptor or
// memory of each connection. Its metrics are at the address admin.
func leaky(address, admin, leaks string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintf(w, "go_goroutines %d\ngo_memstats_heap_inuse_bytes %d\n", runtime.NumGoroutine(), m.HeapInuse)
	})
	go http.ListenAndServe(admin, nil)
	kept := make(chan []byte, 1<<16) // more than a test has connections
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		switch leaks {
		case "goroutines":
			go func() { select {} }()
		case "descriptors":
			if _, _, err := os.Pipe(); err != nil {
				return err
			}
		case "memory":
			kept <- slices.Repeat([]byte{1}, 256<<10)
		}
		go func() {
			defer conn.Close()
			head, err := readHead(conn)
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
				accept(field(head, "Sec-WebSocket-Key")))
			frame := make([]byte, len(echoed))
			for {
				if _, err := io.ReadFull(conn, frame); err != nil {
					return
				}
				if _, err := conn.Write(unmasked(frame)); err != nil {
					return
				}
			}
		}()
	}
}

// soakOf runs a soak of a leaky server.
func soakOf(t *testing.T, leaks string, long time.Duration) *soakResult {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var s *subject
	var target string
	err = ports.Use(func(addr string) error {
		admin, err := ports.Free(1)
		if err != nil {
			return err
		}
		p, err := start(t.Context(), "leaky", setting{dir: t.TempDir()}, []string{self, "leaky", addr, admin[0], leaks}, addr)
		if err != nil {
			return err
		}
		t.Cleanup(p.stop)
		s, target = &subject{Name: "server", pid: p.pid(), admin: admin[0]}, addr
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	echoes := &traffic{Name: "echo", every: 20 * time.Millisecond, clients: []soakClient{
		once(func() error { return echoOnce(target) }), once(func() error { return echoOnce(target) }),
	}}
	plan := soakPlan{long: long, every: 50 * time.Millisecond, stall: time.Minute, growth: 0.25}
	r, err := soakUnder(t.Context(), plan, []*subject{s}, []*traffic{echoes}, []*canary{{Name: "canary", target: target}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// soakUntilFound soaks a leaky server for longer and longer, up to 20 s, until that is found: on a busy machine few connections
// leak in a short soak.
func soakUntilFound(t *testing.T, leaks, want string) (r *soakResult, found string) {
	t.Helper()
	for long := 2500 * time.Millisecond; long <= 20*time.Second; long *= 2 {
		r = soakOf(t, leaks, long)
		if found = strings.Join(r.Failures, "\n"); strings.Contains(found, want) {
			break
		}
	}
	return r, found
}

// TestSoakFindsWhatLeaks runs a soak of servers that leak one thing each, and of one that leaks nothing. They run one after
// the other: they share pages of this binary, so the memory of one grows when another one ends.
func TestSoakFindsWhatLeaks(t *testing.T) {
	for leaks, want := range map[string]string{
		"goroutines": "server: goroutines grows: ", "descriptors": "server: descriptors grows: ", "memory": "server: memory, kB PSS grows: ", "nothing": "",
	} {
		t.Run(leaks, func(t *testing.T) {
			r, found := soakUntilFound(t, leaks, want)
			if want == "" && found != "" || !strings.Contains(found, want) {
				t.Errorf("got %q, want %q", found, want)
			}
			if r.Traffic[0].Done == 0 || r.Canaries[0].Done == 0 || r.Canaries[0].Longest < r.Canaries[0].P50 || len(r.Subjects[0].Samples) < 9 {
				t.Errorf("got %+v and %+v, %d samples", r.Traffic[0], r.Canaries[0], len(r.Subjects[0].Samples))
			}
		})
	}
}

func TestFailuresOfASoak(t *testing.T) {
	samples := func(values ...int) []sample {
		var all []sample
		for _, v := range values {
			all = append(all, sample{PSS: v, Heap: 1, Descriptors: 20, Goroutines: 20})
		}
		return all
	}
	flat := samples(100, 100, 100_000, 100_000, 105_000, 105_000)
	once := samples(1, 1, 1, 1, 1, 100_000, 100_000, 100_000, 100_000, 100_000, 100_000, 110_000, 110_000, 110_000, 111_000)
	for want, r := range map[string]soakResult{
		"": {Subjects: []*subject{{Samples: flat}, {Samples: once}}, Canaries: []*canary{{Done: 9, Longest: 999}}},
		"a: memory, kB PSS grows: the median is 100000 in the second third and 105001 in the last one": {
			Subjects: []*subject{{Name: "a", Samples: samples(1, 1, 100_000, 100_000, 104_300, 105_702)}}, Canaries: []*canary{{Done: 9}},
		},
		"a canary client waited for 1001 ms, 7.0 s after the beginning; at most 1s is allowed (beside the proxy: 3 ms at most)": {
			Subjects: []*subject{{Samples: flat}}, Canaries: []*canary{{Done: 9, Longest: 1001, At: 7}, {Longest: 3}},
		},
		"canary: 1 of 10 failed, the first one: x":      {Subjects: []*subject{{Samples: flat}}, Canaries: []*canary{{Done: 9, Failed: 1, First: "x"}}},
		"GET: 2 of 5 failed, the first one: want a 200": {Subjects: []*subject{{Samples: flat}}, Canaries: []*canary{{Done: 9}}, Traffic: []*traffic{{Name: "GET", Done: 3, Failed: 2, First: "want a 200"}}},
		"GET: none was done":                            {Subjects: []*subject{{Samples: flat}}, Canaries: []*canary{{Done: 9}}, Traffic: []*traffic{{Name: "GET"}}},
	} {
		r.check(soakPlan{stall: time.Second, growth: 0.05})
		if got := strings.Join(r.Failures, "\n"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSoakOfInterlock runs all traffic of a soak for some seconds. That is too short for memory to be flat.
func TestSoakOfInterlock(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{secured: map[string]*securedOrigin{}, dir: t.TempDir(), self: self}
	if b.interlock, err = interlockBinary(t.Context(), "", b.dir); err != nil {
		t.Fatal(err)
	}
	r, err := b.soak(t.Context(), soakPlan{long: 6 * time.Second, every: 200 * time.Millisecond, stall: time.Minute, growth: 10, rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) > 0 {
		t.Errorf("got %q", r.Failures)
	}
	for _, s := range r.Subjects {
		last := s.Samples[len(s.Samples)-1]
		if last.PSS == 0 || last.Heap == 0 || last.Descriptors == 0 || last.Goroutines == 0 || len(s.Trends) != len(sizes) {
			t.Errorf("%s: got %+v and %d trends", s.Name, last, len(s.Trends))
		}
	}
	var b2 strings.Builder
	if err := r.print(&b2); err != nil || !strings.Contains(b2.String(), "flat, and no stall") {
		t.Errorf("got %v and\n%s", err, &b2)
	}
}
