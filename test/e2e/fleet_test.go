//go:build e2e

package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A member is one of the instances that share a store. It may be started several times.
type member struct {
	*process
	name, config string
	binary       string // empty: interlock
	heartbeat    string // empty: every two seconds
	sent, faulty int64  // exchanges, in all of its starts
	logs         []*process
}

// start starts the instance, for the first time or again.
func (m *member) start(t *testing.T, backend, store string) {
	t.Helper()
	m.process = startServe(t, []string{cmp.Or(m.binary, "interlock"), "serve", "--backend", "http://" + backend, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--log", "json", "--store", store, "--instance", m.name, "--config", file(t, "interlock.yaml", []byte(cmp.Or(m.heartbeat, "heartbeat: 2s")+"\n"+m.config))})
	m.logs = append(m.logs, m.process)
}

// reload replaces the configuration and makes the instance read it.
func (m *member) reload(t *testing.T, config string) {
	t.Helper()
	args := m.cmd.Args
	path := args[slices.Index(args, "--config")+1]
	if err := os.WriteFile(path, []byte(cmp.Or(m.heartbeat, "heartbeat: 2s")+"\n"+config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.await(t, "the configuration is reloaded", func(l line) bool { return l.Message == "configuration reloaded" })
}

// handshakes sends valid handshakes and handshakes with POST, and waits for each response.
func (m *member) handshakes(t *testing.T, valid, faulty int) {
	t.Helper()
	for i := range valid + faulty {
		if err := m.handshake(i >= valid); err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
	}
}

// handshake sends one handshake, and counts it once it is answered.
func (m *member) handshake(faulty bool) error {
	method := "GET"
	if faulty {
		method = "POST"
	}
	conn, err := net.Dial("tcp", m.listen)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "%s /chat HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", method, freshKey())
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 101 ") {
		return fmt.Errorf("got %q, %w", line, err)
	}
	if m.sent++; faulty {
		m.faulty++
	}
	return nil
}

// fleetJSON is what the API says of instances.
type fleetJSON struct {
	Shared    bool
	States    map[string]int
	Instances []struct {
		fleetStart
		State   string
		Differs []string
		Self    bool
		Earlier []fleetStart
	}
}

type fleetStart struct {
	Name, Version, Config string
	Ended                 time.Time
	Counts                struct{ Exchanges, Hour, Day, Switched, Unsafe int64 }
}

// asked returns what the instance says of all.
func (m *member) asked(t *testing.T) (f fleetJSON) {
	t.Helper()
	a := &admin{t: t, client: client(t), at: "http://" + m.admin}
	a.read("/api/v1/instances?limit=100", &f)
	return f
}

// awaitFleet waits until the instance says what is wanted.
func (m *member) awaitFleet(t *testing.T, what string, wanted func(fleetJSON) bool) fleetJSON {
	t.Helper()
	f := m.asked(t)
	for deadline := time.Now().Add(patience); !wanted(f); f = m.asked(t) {
		if time.Now().After(deadline) {
			text, _ := json.MarshalIndent(f, "", " ")
			t.Fatalf("%s: got %s", what, text)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return f
}

// counted returns how many exchanges all starts of all instances have counted.
func (f *fleetJSON) counted() (n int64) {
	for i := range f.Instances {
		is := &f.Instances[i]
		n += is.Counts.Exchanges
		for j := range is.Earlier {
			n += is.Earlier[j].Counts.Exchanges
		}
	}
	return n
}

// The sums over all instances.
const (
	storedExchanges = "SELECT COALESCE(SUM(count), 0) FROM minutes"
	storedFaults    = "SELECT COALESCE(SUM(count), 0) FROM findings WHERE rule = 'UPGRADE-POST'"
)

// TestTenInstances has ten processes share one PostgreSQL: one is killed and started again, one is
// restarted, one hangs, and one has another configuration. All sums stay exact, and each instance
// says the same about all.
func TestTenInstances(t *testing.T) {
	t.Parallel()
	db, backend := startPostgres(t), labServer(t, "unsound")
	var all []*member
	for n := range 10 {
		m := &member{name: fmt.Sprintf("edge-%d", n)}
		if n == 9 {
			m.config = "redact: {names: [x-tenant]}\n"
		}
		m.start(t, backend, db.url())
		all = append(all, m)
	}
	sum := func() (sent, faulty int64) {
		for _, m := range all {
			sent, faulty = sent+m.sent, faulty+m.faulty
		}
		return sent, faulty
	}
	stored := func() {
		t.Helper()
		sent, faulty := sum()
		db.await(storedExchanges, sent)
		db.await(storedFaults, faulty)
	}
	for n, m := range all {
		m.handshakes(t, 3, 1+n%3)
	}
	stored()
	sent, _ := sum()
	first, killed, restarted, hung := all[0], all[1], all[2], all[3]
	first.awaitFleet(t, "all are counted", func(f fleetJSON) bool {
		return f.counted() == sent && f.States["reporting"] == 9 && f.States["differs"] == 1
	})

	killed.kill()
	killed.start(t, backend, db.url())
	restarted.stop()
	restarted.start(t, backend, db.url())
	if err := hung.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hung.cmd.Process.Signal(syscall.SIGCONT) })
	for _, m := range all {
		if m != hung {
			m.handshakes(t, 2, 1)
		}
	}
	stored()

	sent, _ = sum()
	want := map[string]int{"reporting": 8, "silent": 1, "differs": 1, "ended": 0}
	f := first.awaitFleet(t, "states", func(f fleetJSON) bool { return f.counted() == sent && fmt.Sprint(f.States) == fmt.Sprint(want) })
	if len(f.Instances) != 10 || !f.Shared || f.Instances[0].Name != hung.name || f.Instances[1].Name != "edge-9" || !slices.Equal(f.Instances[1].Differs, []string{"configuration"}) {
		t.Errorf("got %+v", f)
	}
	for i := range f.Instances {
		is := &f.Instances[i]
		earlier := 0
		if is.Name == killed.name || is.Name == restarted.name {
			earlier = 1
		}
		if len(is.Earlier) != earlier || is.Self != (is.Name == first.name) {
			t.Errorf("%s: %+v", is.Name, is)
		}
		if earlier == 1 && is.Earlier[0].Ended.IsZero() != (is.Name == killed.name) {
			t.Errorf("%s: %+v", is.Name, is.Earlier)
		}
	}
	for _, m := range []*member{first, all[9], killed} {
		m.shows(t)
	}
	first.inABrowser(t)
	first.message(t, "instance is silent")
	first.message(t, "instance differs")
	within(t, "instances hold a connection each", func() bool { // those for pages are closed when they have been idle
		return db.number("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'interlock'") <= int64(len(all))
	})

	if err := hung.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	first.await(t, "instance reports again", func(l line) bool { return l.Message == "instance reports again" })
	hung.handshakes(t, 1, 1)
	stored()
	all[9].reload(t, "")
	first.awaitFleet(t, "no configuration differs after a reload", func(f fleetJSON) bool { return f.States["reporting"] == 10 })
	first.await(t, "instance reports again", func(l line) bool { return l.Message == "instance reports again" && l.Instance == all[9].name })
	for n, m := range all {
		for _, p := range m.logs {
			told := map[string]string{}
			for _, l := range p.entries() {
				if !strings.HasPrefix(l.Message, "instance ") || l.Instance != hung.name && l.Instance != all[9].name {
					continue
				}
				if told[l.Instance] == l.Message || n > 0 {
					t.Errorf("%s has logged again: %s", m.name, l.text)
				}
				told[l.Instance] = l.Message
			}
		}
	}
}

// shows checks the page and the metric of an instance: one is silent and one differs.
func (m *member) shows(t *testing.T) {
	t.Helper()
	a := &admin{t: t, client: client(t), at: "http://" + m.admin}
	page := a.ask("GET", "/instances", "", http.StatusOK)
	for _, want := range []string{"10 instances", "silent 1", "differs 1", "reporting 8", "edge-3", ">Instances</a>", "this one"} {
		if !strings.Contains(page, want) {
			t.Errorf("%s: no %q on the page", m.name, want)
		}
	}
	pattern := regexp.MustCompile(`(?m)^interlock_store_instances\{state="(\w+)"\} (\d+)$`)
	got := ""
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if got = fmt.Sprint(pattern.FindAllString(a.ask("GET", "/metrics", "", http.StatusOK), -1)); strings.Contains(got, `"silent"} 1`) && strings.Contains(got, `"differs"} 1`) && strings.Contains(got, `"reporting"} 8`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: got %s", m.name, got)
		}
	}
}
