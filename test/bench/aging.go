//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// agingWork is the work that ages an interlock: handshakes that the origin rejects, so that
// connections are reused. Each is an ordinary upgrade exchange that is judged, logged and counted.
// It is not a row.
var agingWork = work{
	Name: "aging", Title: "refused WebSocket handshake, keep-alive, 256 connections", Figure: "µs of CPU per handshake", Scale: 1,
	Unit: "refused handshake", Count: 80_000, Connections: 256,
	Open: openAll, Begin: sendRefused, End: endRefused,
}

func sendRefused(c *client, conn *conn) error { return c.askSwitch(conn, "/closed") }

func endRefused(_ *client, _ *conn, in []byte) (bool, error) {
	end := headEnd(in)
	if end == 0 {
		return false, nil
	}
	if !bytes.HasPrefix(in, []byte("HTTP/1.1 403 ")) || len(in) > end {
		return false, fmt.Errorf("want a 403 without content, got %q", in)
	}
	return true, nil
}

// agingPortion is the number of rejected handshakes between two checks of the log file's size.
const agingPortion = 100_000

// refuse makes an interlock handle that many rejected handshakes. It truncates the log meanwhile,
// because the log of ten million would take gigabytes.
func (b *bench) refuse(ctx context.Context, r *running, count int) error {
	for done := 0; done < count; {
		portion := min(agingPortion, count-done)
		l, err := startLoad(ctx, b.self, "load", agingWork.Name, r.target, strconv.Itoa(portion))
		if err != nil {
			return err
		}
		err = l.expect("ready")
		if err == nil {
			err = l.begin()
		}
		if err == nil {
			err = l.expect("done")
		}
		if failed := l.end(); failed != nil {
			err = failed
		}
		if err == nil {
			err = r.forget()
		}
		if err != nil {
			return fmt.Errorf("%s after %d of %d: %w", agingWork.Unit, done, count, r.blame(err))
		}
		done += portion
	}
	return nil
}

// A past counts the upgrade exchanges that an interlock has handled.
type past struct {
	judged  int // and counted
	written int // to its store
	shed    int // not kept, because the store did not accept them in time
	waiting int // waiting for the store
}

// past polls an interlock until its store has nothing left to write, for 60 s at most.
func (r *running) past(ctx context.Context) (past, error) {
	for deadline := time.Now().Add(time.Minute); ; {
		p, err := r.metrics(ctx)
		if err != nil || p.waiting == 0 {
			return p, err
		}
		if time.Now().After(deadline) {
			return p, fmt.Errorf("%d exchanges still wait for the store of %s", p.waiting, r.Name)
		}
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (r *running) metrics(ctx context.Context) (past, error) {
	text, err := r.scrape(ctx)
	return parsePast(text), err
}

// counts returns the sum of one metric.
func (r *running) counts(ctx context.Context, series string) (int, error) {
	text, err := r.scrape(ctx)
	return sumOf(text, series), err
}

func (r *running) scrape(ctx context.Context) (string, error) {
	text, err := scrape(ctx, r.admin)
	if err != nil {
		return "", fmt.Errorf("read the metrics of %s: %w", r.Name, r.blame(err))
	}
	return text, nil
}

// scrape returns the metrics at an admin address.
func scrape(ctx context.Context, admin string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return string(text), err
}

func parsePast(text string) past {
	return past{
		judged:  sumOf(text, "interlock_exchanges_total"),
		written: sumOf(text, "interlock_store_exchanges_written_total"),
		shed:    sumOf(text, `interlock_evidence_shed_total{reason="store"}`),
		waiting: sumOf(text, "interlock_store_waiting"),
	}
}

// sumOf adds up the series whose name begins with series.
func sumOf(text, series string) int {
	sum := 0.0
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, series)
		if !ok || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err == nil {
			sum += value
		}
	}
	return int(sum)
}
