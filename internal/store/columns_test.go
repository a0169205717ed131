package store

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// BenchmarkBatchesOfExchanges writes batches of exchanges to PostgreSQL in each of the ways, and
// reports the processor time for an exchange of the server and of this program.
func BenchmarkBatchesOfExchanges(b *testing.B) {
	for _, n := range []int{1, 8, 16, 32, 64, 128, 250, 1000} {
		for _, way := range []string{"rows", "columns", "copy"} {
			b.Run(fmt.Sprintf("%s-%d", way, n), func(b *testing.B) {
				s := open(b, postgresCluster(b).database(b))
				conn, err := s.pool().Conn(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				var pid int
				if err := conn.QueryRowContext(b.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
					b.Fatal(err)
				}
				u := upsertExchanges()
				row, err := exchangeRow(judged(good("/chat")), nil)
				if err != nil {
					b.Fatal(err)
				}
				made := 0
				batch := func() error {
					rows := make([][]any, n)
					for i := range rows {
						made++
						rows[i] = append([]any{began(good("/chat"), time.Now()).ID}, row[1:]...)
						rows[i][2] = time.Now().UnixMilli()
					}
					tx, err := conn.BeginTx(b.Context(), nil)
					if err != nil {
						return err
					}
					switch way {
					case "rows":
						for part := range slices.Chunk(rows, 64) {
							if _, err = tx.ExecContext(b.Context(), u.statement(len(part)), slices.Concat(part...)...); err != nil {
								break
							}
						}
					case "copy":
						err = u.copy(b.Context(), conn, tx, rows)
					case "columns":
						err = u.writeColumns(b.Context(), tx, rows)
					}
					if err != nil {
						tx.Rollback()
						return err
					}
					return tx.Commit()
				}
				for range 10 {
					if err := batch(); err != nil {
						b.Fatal(err)
					}
				}
				made = 0
				ours, theirs := usage(), ticks(b, pid)
				for b.Loop() {
					if err := batch(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((usage()-ours).Microseconds())/float64(made), "own-µs/exchange")
				b.ReportMetric(float64((ticks(b, pid)-theirs).Microseconds())/float64(made), "server-µs/exchange")
			})
		}
	}
}

// usage returns the processor time of this program.
func usage() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it never fails
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ticks returns the processor time of another program.
func ticks(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	sum := 0
	for _, field := range bytes.Fields(rest)[11:13] {
		n, err := strconv.Atoi(string(field))
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond
}
