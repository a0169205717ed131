//go:build e2e && world

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// cost is what PostgreSQL has spent so far.
type cost struct {
	cpu          time.Duration
	wal, commits int64
}

// spent returns what the server and its processes have spent. The figures of a connection reach the
// statistics up to a second after its last transaction.
func (d *postgres) spent() cost {
	d.t.Helper()
	time.Sleep(1100 * time.Millisecond)
	server := strconv.Itoa(d.cmd.Process.Pid)
	ticks := int64(0)
	all, err := os.ReadDir("/proc")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range all {
		text, _ := os.ReadFile("/proc/" + e.Name() + "/stat") // it may have ended
		_, after, ok := strings.Cut(string(text), ") ")
		if !ok {
			continue
		}
		f := strings.Fields(after) // from the state on: the third field of proc(5)
		var own []string
		switch server {
		case e.Name():
			own = f[11:15] // with processes that have ended
		case f[1]:
			own = f[11:13]
		}
		for _, text := range own {
			n, _ := strconv.ParseInt(text, 10, 64)
			ticks += n
		}
	}
	return cost{
		cpu: time.Duration(ticks) * 10 * time.Millisecond, wal: d.number("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"),
		commits: d.number("SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'"),
	}
}

// per prints what was spent since then, for each of so many.
func (c cost) per(was cost, n int64, what string) string {
	return fmt.Sprintf("%d of %s: %.3f ms CPU, %.0f bytes of WAL, %.2f transactions each", n, what, float64((c.cpu-was.cpu).Microseconds())/1000/float64(n),
		float64(c.wal-was.wal)/float64(n), float64(c.commits-was.commits)/float64(n))
}

// paced sends handshakes through each instance at an even pace for a while, and returns how many.
func paced(t *testing.T, all []*member, each time.Duration, long time.Duration, faulty bool) (n int64) {
	t.Helper()
	var sending sync.WaitGroup
	for _, m := range all {
		before := m.sent
		sending.Go(func() {
			tick := time.NewTicker(each)
			defer tick.Stop()
			for deadline := time.Now().Add(long); time.Now().Before(deadline); <-tick.C {
				if err := m.handshake(faulty); err != nil {
					t.Error(err)
					return
				}
			}
		})
		defer func() { n += m.sent - before }()
	}
	sending.Wait()
	return n
}

// costBeat is the interval of heartbeats: long enough for a connection that is idle to be closed.
const costBeat = 8 * time.Second

// TestWorldCostsOfAFleet measures what docs/fleet.md multiplies out: CPU time of PostgreSQL, WAL and bytes
// for an exchange, a finding and a heartbeat. It asserts nothing about them.
func TestWorldCostsOfAFleet(t *testing.T) {
	db, backend := startPostgres(t, "full_page_writes=on", "wal_level=replica", "autovacuum=off"), labServer(t, "unsound")
	var all []*member
	for n := range 10 {
		m := &member{name: fmt.Sprintf("edge-%d", n), heartbeat: "heartbeat: " + costBeat.String()}
		m.start(t, backend, db.url())
		all = append(all, m)
	}
	total := func() (sent int64) {
		for _, m := range all {
			sent += m.sent
		}
		return sent
	}
	settle := func() {
		t.Helper()
		db.await(storedExchanges, total())
	}
	paced(t, all, 100*time.Millisecond, 2*time.Second, false)
	settle()
	if _, err := db.ask("CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	for _, load := range []struct {
		what   string
		of     []*member
		each   time.Duration
		faulty bool
	}{
		{"valid exchanges, 10 instances at 2/s each", all, 500 * time.Millisecond, false},
		{"valid exchanges, 1 instance at 200/s", all[:1], 5 * time.Millisecond, false},
		{"unsafe exchanges, 10 instances at 2/s each", all, 500 * time.Millisecond, true},
	} {
		was := db.spent()
		n := paced(t, load.of, load.each, 20*time.Second, load.faulty)
		settle()
		t.Log(db.spent().per(was, n, load.what))
	}
	rows := db.number("SELECT COUNT(*) FROM exchanges")
	size := db.number(`SELECT SUM(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r' AND c.relname LIKE 'exchanges%'`)
	heap := db.number(`SELECT SUM(pg_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r' AND c.relname LIKE 'exchanges%'`)
	t.Logf("%d exchanges, %d bytes each, %d of them in the table", rows, size/rows, heap/rows)
	t.Logf("connections: %d of %d instances", db.number("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'interlock'"), len(all))
	minutes, _ := db.ask("SELECT COUNT(*), pg_total_relation_size('minutes') FROM minutes")
	t.Logf("minutes: rows and bytes %s", minutes)

	time.Sleep(costBeat)
	was, long := db.spent(), 5*costBeat
	time.Sleep(long)
	t.Log(db.spent().per(was, int64(len(all))*int64(long/costBeat), "heartbeats, each with a look at 10 instances"))

	if _, err := db.ask(`INSERT INTO instances (id, name, version, began, seen, batch, beat, config, counts)
		SELECT 'i' || n, 'n' || n, '0.1.0', 0, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint, 1, 60000, repeat('0', 64), repeat('x', 150) FROM generate_series(1, 990) n`); err != nil {
		t.Fatal(err)
	}
	was = db.spent()
	time.Sleep(long)
	t.Log(db.spent().per(was, int64(len(all))*int64(long/costBeat), "heartbeats, each with a look at 1,000 instances"))
}
