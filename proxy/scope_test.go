package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// dials records the addresses that are dialled.
type dials struct {
	mu  sync.Mutex
	all []netip.AddrPort
}

func (d *dials) note(a netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, a)
}

func (d *dials) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.all)
}

// requests returns the different requests by which a client can name an authority to a proxy.
func requests(authority string) []string {
	return []string{
		"CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n",
		"GET http://" + authority + "/ HTTP/1.1\r\nHost: " + authority + "\r\n\r\n",
		strings.Replace(handshake, "/chat", "http://"+authority+"/chat", 1),
		"GET https://" + authority + "/ HTTP/1.1\r\nHost: " + authority + "\r\n\r\n",
	}
}

// answered returns the proxy's response to a request. After a 200 to CONNECT it returns the
// response to a request inside the tunnel.
func answered(t *testing.T, proxy, request string) (status int, text string) {
	t.Helper()
	client := dial(t, proxy)
	defer client.Close()
	send(t, client, request)
	reader := bufio.NewReader(client)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	if strings.HasPrefix(request, "CONNECT") && response.StatusCode == 200 {
		send(t, client, plain)
		if response, err = http.ReadResponse(reader, nil); err != nil {
			t.Fatalf("%q, inside: %v", request, err)
		}
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// world is a resolver with names of all kinds. The address of a name may change with each query.
type world struct {
	mu    sync.Mutex
	names map[string][]string
	asked map[string]int
}

func (w *world) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answers := w.names[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	n := min(w.asked[host], len(answers)-1)
	w.asked[host]++
	var all []netip.Addr
	for _, a := range strings.Fields(answers[n]) {
		all = append(all, netip.MustParseAddr(a))
	}
	return all, nil
}

// TestWhatIsOutOfScopeIsNotDialled requests every kind of forbidden destination. The scope has
// globs for all ports.
func TestWhatIsOutOfScopeIsNotDialled(t *testing.T) {
	var dialled dials
	names := &world{asked: map[string]int{}, names: map[string][]string{
		"loop.staging.test": {"127.0.0.1"}, "loop6.staging.test": {"::1"}, "mapped.staging.test": {"::ffff:127.0.0.1"}, "zero.staging.test": {"0.0.0.0"}, "zero6.staging.test": {"::"},
		"link.staging.test": {"169.254.169.254"}, "link6.staging.test": {"fe80::1"}, "aws6.staging.test": {"fd00:ec2::254"}, "alibaba.staging.test": {"100.100.100.200"},
		"nat64.staging.test": {"64:ff9b::a9fe:a9fe"}, "sixtofour.staging.test": {"2002:7f00:1::"}, "compatible.staging.test": {"::169.254.169.254"}, "multicast.staging.test": {"224.0.0.1"},
		"several.staging.test": {"127.0.0.1 169.254.169.254 ::1"}, "example.test": {"192.0.2.1"}, "staging.test.evil.test": {"192.0.2.1"}, "xstaging.test": {"192.0.2.1"},
		"listed.test": {"169.254.169.254"}, "localhost": {"127.0.0.1"},
	}}
	r, proxy := forwardedBy(t, nil, func(f *Forward) {
		f.Hosts, f.lookup, f.dialled = []string{"*.staging.test:*", "listed.test:*", "[2001:db8::1]:*", "192.0.2.7"}, names.lookup, dialled.note
	})
	_, port, _ := net.SplitHostPort(r.Backend.String())
	authorities := []string{
		"example.test:443", "staging.test.evil.test:443", "xstaging.test:443", "staging.test:443", "localhost:" + port, r.Backend.String(), r.addr, proxy,
		"127.0.0.1:1", "127.1:" + port, "2130706433:" + port, "0x7f000001:" + port, "0x7f.0.0.1:" + port, "0177.0.0.1:" + port, "017700000001:" + port, "127.0.0.1.:" + port, "a.127.0.0.1:80",
		"[::1]:" + port, "[::ffff:127.0.0.1]:" + port, "[::ffff:7f00:1]:" + port, "[0:0:0:0:0:0:0:1]:" + port, "[::127.0.0.1]:" + port, "[fe80::1%25eth0]:80", "[fe80::1%eth0]:80", "[fd00:ec2::254]:80",
		"169.254.169.254:80", "2852039166:80", "0xa9fea9fe:80", "0251.0376.0251.0376:80", "[64:ff9b::a9fe:a9fe]:80", "0.0.0.0:" + port, "0:" + port, "[::]:" + port,
		"a.staging.test.:443", "a..staging.test:443", ".staging.test:443", "a@a.staging.test:443", "a:b@a.staging.test:443", "a.staging.test:443@127.0.0.1:" + port, "a.staging.test%00.evil.test:443",
		"a.staging.test%2eevil:443", "a.staging.test:0", "a.staging.test:65616", "a.staging.test:+443", "a.staging.test:0x50", "a.staging.test:443:80", "a.staging.test\\@127.0.0.1:80", "\xc4\x80.staging.test:443",
		"２１.staging.test:80", "192.0.2.7:81", "192.0.2.8:80", "[2001:db8::2]:443", "2001:db8::1:443", "[2001:db8::1:443", "[192.0.2.7]:80", "a_*.staging.test:80",
		"loop.staging.test:80", "loop6.staging.test:80", "mapped.staging.test:80", "zero.staging.test:80", "zero6.staging.test:80", "link.staging.test:80", "link6.staging.test:80", "aws6.staging.test:80", "alibaba.staging.test:80",
		"nat64.staging.test:80", "sixtofour.staging.test:80", "compatible.staging.test:80", "multicast.staging.test:80", "several.staging.test:80", "listed.test:80",
		strings.Repeat("a.", 130) + "staging.test:80", strings.Repeat("a", 64) + ".staging.test:80",
	}
	for _, authority := range authorities {
		for _, request := range requests(authority) {
			status, text := answered(t, proxy, request)
			connectTo := strings.HasPrefix(request, "CONNECT") && status == 400 // not a valid host and port
			if !connectTo && (status != 403 || !strings.Contains(text, "forward.hosts") && !strings.Contains(text, "by CONNECT")) {
				t.Errorf("%q: got %d %q", request, status, text)
			}
			if strings.Contains(text, "by CONNECT") && !strings.Contains(request, "https:") {
				t.Errorf("%q: got %q", request, text)
			}
		}
	}
	r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := r.backend.Accept(); err == nil || dialled.String() != "[]" {
		t.Errorf("%s was dialled", &dialled)
	}
	for _, x := range r.all() {
		if x.Outcome != wire.Local || x.Cause != wire.CauseScope {
			t.Errorf("%q: got %s %s", x.Request.Raw, x.Outcome, x.Cause)
		}
	}
}

// TestNameThatChangesItsAddress checks that a name's second answer grants nothing that its first
// answer did not.
func TestNameThatChangesItsAddress(t *testing.T) {
	for _, later := range []string{"127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254", "127.0.0.1 169.254.169.254"} {
		t.Run(later, func(t *testing.T) {
			t.Parallel()
			var dialled dials
			names := &world{asked: map[string]int{}, names: map[string][]string{"rebinding.test": {"192.0.2.1", later}}}
			r, proxy := forwardedBy(t, func(r *Relay) { r.Limits.Dial = time.Second }, func(f *Forward) {
				f.Hosts, f.lookup, f.dialled = []string{"rebinding.test:*"}, names.lookup, dialled.note
			})
			_, port, _ := net.SplitHostPort(r.Backend.String())
			all := requests("rebinding.test:" + port)[:3]
			if status, text := answered(t, proxy, all[0]); status != 504 && status != 502 { // there is no server at that address
				t.Errorf("the first time: got %d %q", status, text)
			}
			first := dialled.String()
			if first != "[192.0.2.1:"+port+"]" {
				t.Errorf("dialled %s", first)
			}
			for _, request := range all {
				if status, text := answered(t, proxy, request); status != 403 || !strings.Contains(text, "leads to") {
					t.Errorf("%s, %q: got %d %q", later, request, status, text)
				}
			}
			if got := dialled.String(); got != first {
				t.Errorf("%s: dialled %s", later, got)
			}
		})
	}
}

// TestNameThatChangesToThisMachine checks all addresses of this machine, not only loopback.
// Services at its other addresses are often meant only for this machine.
func TestNameThatChangesToThisMachine(t *testing.T) {
	for _, later := range []string{"198.51.100.7", "::ffff:198.51.100.7", "2001:db8::7", "64:ff9b::c633:6407", "2002:c633:6407::1"} {
		t.Run(later, func(t *testing.T) {
			t.Parallel()
			var dialled dials
			names := &world{asked: map[string]int{}, names: map[string][]string{"rebinding.test": {"203.0.113.1", later}, "a.glob.test": {later}}}
			_, proxy := forwardedBy(t, func(r *Relay) { r.Limits.Dial = time.Second }, func(f *Forward) {
				f.Hosts, f.lookup, f.dialled = []string{"rebinding.test:*", "*.glob.test:*"}, names.lookup, dialled.note
				f.own = func(a netip.Addr) bool { return a.String() == "198.51.100.7" || a.String() == "2001:db8::7" }
			})
			answered(t, proxy, requests("rebinding.test:80")[0]) // the first answer is another machine's address
			first := dialled.String()
			for _, authority := range []string{"rebinding.test:80", "a.glob.test:80"} {
				for _, request := range requests(authority)[:3] {
					if status, text := answered(t, proxy, request); status != 403 || !strings.Contains(text, "on the machine of this proxy") {
						t.Errorf("%s, %q: got %d %q", later, request, status, text)
					}
				}
			}
			if got := dialled.String(); got != first {
				t.Errorf("%s: dialled %s", later, got)
			}
		})
	}
}

// TestOwnAddressesAreKnown checks that all addresses of this machine are recognized, and no others.
func TestOwnAddressesAreKnown(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	if err != nil || len(addresses) == 0 {
		t.Fatalf("got %v, %v", addresses, err)
	}
	for _, each := range addresses {
		if a := netip.MustParsePrefix(each.String()).Addr(); !isOwnAddress(a) || a.Is4() && !comesBack(a) {
			t.Errorf("%s: own %t, comes back %t", a, isOwnAddress(a), comesBack(a))
		}
	}
	for _, a := range []string{"203.0.113.1", "2001:db8::7", "8.8.8.8"} {
		if isOwnAddress(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for this machine's", a)
		}
	}
}

// TestOfSeveralAddressesTheGoodOneIsDialled checks that the relay dials the permitted address
// itself and does not look the name up again.
func TestOfSeveralAddressesTheGoodOneIsDialled(t *testing.T) {
	var dialled dials
	names := &world{asked: map[string]int{}, names: map[string][]string{"alias.test": {"127.0.0.1", "169.254.169.254 127.0.0.1"}}}
	r, proxy := forwardedBy(t, nil, func(f *Forward) {
		f.Hosts, f.lookup, f.dialled = []string{"alias.test:*"}, names.lookup, dialled.note // the listed name is an alias of this machine
	})
	_, port, _ := net.SplitHostPort(r.Backend.String())
	for range 2 {
		client := through(t, proxy, "alias.test:"+port)
		send(t, client, plain)
		backend := r.accept()
		expect(t, backend, plain)
		send(t, backend, answer)
		expect(t, client, answer)
		client.Close()
		backend.Close()
	}
	if want := fmt.Sprintf("[127.0.0.1:%s 127.0.0.1:%[1]s]", port); dialled.String() != want || names.asked["alias.test"] != 2 {
		t.Errorf("dialled %s, want %s", &dialled, want)
	}
}

// TestOwnListenersAreNeverReached checks every listener and every name for it, whatever the list of
// hosts allows.
func TestOwnListenersAreNeverReached(t *testing.T) {
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	own, _ := addrPort(admin.Addr())
	for i, never := range []netip.AddrPort{own, netip.AddrPortFrom(netip.IPv4Unspecified(), own.Port()), own} {
		var dialled dials
		_, proxy := forwardedBy(t, nil, func(f *Forward) {
			f.Hosts, f.Never = []string{"127.0.0.1:*", "localhost:*", "*.test:*", "0.0.0.0:*", "[::1]:*"}, []netip.AddrPort{never}
			f.lookup, f.dialled = always("127.0.0.1"), dialled.note
			if i == 2 {
				f.Upstream = &url.URL{Scheme: "http", Host: admin.Addr().String()} // may be on this machine and could reach the listener
			}
		})
		_, forward, _ := net.SplitHostPort(proxy)
		port := fmt.Sprint(own.Port())
		for _, authority := range []string{"127.0.0.1:" + port, "localhost:" + port, "a.test:" + port, "0.0.0.0:" + port, "localhost:" + forward, "127.0.0.1:" + forward, "0.0.0.0:" + forward} {
			for _, request := range requests(authority)[:3] {
				if i == 2 && !strings.Contains(request, "//127") && !strings.Contains(request, "CONNECT 127") {
					continue // the upstream proxy looks up names; the relay does not
				}
				if status, text := answered(t, proxy, request); status != 403 || !strings.Contains(text, "this proxy itself") {
					t.Errorf("%q: got %d %q", request, status, text)
				}
			}
		}
		if dialled.String() != "[]" {
			t.Errorf("%s was dialled", &dialled)
		}
	}
}

func TestScopeAdmitsWhatIsListed(t *testing.T) {
	for _, each := range []struct {
		hosts      []string
		authority  string
		address    string
		in, dialle bool
	}{
		{nil, "127.0.0.1:3000", "127.0.0.1", true, true},
		{nil, "app.test:3000", "10.0.0.1", true, true},
		{nil, "app.test:3001", "10.0.0.1", false, false},
		{[]string{}, "127.0.0.1:3000", "127.0.0.1", false, false},
		{[]string{"a.test"}, "127.0.0.1:3000", "127.0.0.1", false, false},
		{[]string{"a.test", "backends"}, "127.0.0.1:3000", "127.0.0.1", true, true},
		{[]string{"a.test"}, "A.Test:443", "10.0.0.1", true, true},
		{[]string{"a.test"}, "a.test:80", "10.0.0.1", true, true},
		{[]string{"a.test"}, "a.test:8080", "10.0.0.1", false, false},
		{[]string{"a.test:8080"}, "a.test:8080", "10.0.0.1", true, true},
		{[]string{"a.test:*"}, "a.test:8080", "10.0.0.1", true, true},
		{[]string{"*"}, "a.test:80", "10.0.0.1", true, true},
		{[]string{"*:*"}, "10.0.0.1:80", "10.0.0.1", false, false},
		{[]string{"10.0.0.1"}, "10.0.0.1:80", "10.0.0.1", true, true},
		{[]string{"169.254.1.1:80"}, "169.254.1.1:80", "169.254.1.1", true, true},
		{[]string{"fe80::1"}, "[fe80::1]:80", "fe80::1", true, true},
		{[]string{"[::1]:81"}, "[0:0::1]:81", "::1", true, true},
		{[]string{"meta.test"}, "meta.test:80", "169.254.169.254", true, false},
		{[]string{"home.test"}, "home.test:80", "127.0.0.1", true, true},
		{[]string{"home.test"}, "home.test:80", "198.51.100.7", true, true},
		{[]string{"*.test"}, "home.test:80", "198.51.100.7", true, false},
		{[]string{"198.51.100.7"}, "198.51.100.7:80", "198.51.100.7", true, true},
		{[]string{"*.test"}, "home.test:80", "127.0.0.1", true, false},
	} {
		s, err := newScope(each.hosts, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.lookup = always(each.address)
		s.own = func(a netip.Addr) bool { return a.IsLoopback() || a.String() == "198.51.100.7" }
		d, found, err := s.find(each.authority, 0, &routeTable{backend: To("127.0.0.1:3000"), others: []*Backend{To("app.test:3000"), To("unix:/run/app.sock")}})
		if (err == nil) != each.in {
			t.Errorf("%q, %s: got %v", each.hosts, each.authority, err)
		}
		if err != nil {
			continue
		}
		if all, err := s.resolve(t.Context(), d, found[0]); (err == nil) != each.dialle || err == nil && all[0].String() != each.address {
			t.Errorf("%q, %s: got %v, %v", each.hosts, each.authority, all, err)
		}
	}
}

func TestEntriesThatAreNone(t *testing.T) {
	for _, entry := range []string{"", " ", "a.test:", "a.test:http", "a.test:80:*", "http://a.test", "a.test/", "a@b.test", "::ffff:127.0.0.1", "fe80::1%eth0", "[::1", "127.1", "0x7f.1", "*.0x1", "a..test", "a.test.", "10.0.0.0/8", "[a]", "a?.test", ":80", "*:0"} {
		if host, err := ParseHost(entry); err == nil {
			t.Errorf("%q is taken for %q", entry, host)
		}
	}
	for entry, want := range map[string]string{"A.test:80": "a.test", "*.A.test:*": "*.a.test", "::1": "::1", "[0::1]:80": "::1", "10.0.0.1:*": "10.0.0.1", "*": "*", "xn--bcher-kva.test": "xn--bcher-kva.test"} {
		if host, err := ParseHost(entry); host != want || err != nil {
			t.Errorf("%q: got %q, %v", entry, host, err)
		}
	}
}

// FuzzDestination checks that an accepted destination is in canonical form and is not an address in
// disguise.
func FuzzDestination(f *testing.F) {
	for _, seed := range []string{"a.test:80", "[::1]:443", "127.0.0.1:1", "0x7f.1:80", "127.0.0.1.:80", "[::ffff:127.0.0.1]:80", "a:b@c:80", "A.b-c_d.TEST:65535"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDestination(text, 0)
		if err != nil {
			return
		}
		if again, err := parseDestination(d.String(), 0); err != nil || again != d {
			t.Errorf("%q is %q, and that is %q (%v)", text, d, again, err)
		}
		if !d.addr.IsValid() && net.ParseIP(d.host) != nil || d.addr.Is4In6() || strings.ContainsAny(d.host, "@%/\\ \r\n") {
			t.Errorf("%q is taken for %q", text, d)
		}
	})
}
