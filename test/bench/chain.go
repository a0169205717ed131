//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// chainRows measure `interlock chain`, which is client and backend of a proxy at once.
func chainRows() []row {
	return []row{{"chain", func(ctx context.Context, b *bench) ([]figures, error) { return b.chain(ctx) }}}
}

// chainTimeout is how long a probe waits for a response. Some proxies let many of them wait.
const chainTimeout = "1s"

// chain measures what a probe of a proxy costs, of a whole run from start to exit.
func (b *bench) chain(ctx context.Context) ([]figures, error) {
	proxies := b.among("nginx", "haproxy")
	if len(b.among("interlock")) == 0 || len(proxies) == 0 {
		return nil, nil
	}
	var columns []string
	var hops []*hop
	for _, name := range proxies {
		h, err := b.hop(ctx, name)
		if err != nil {
			return nil, err
		}
		columns, hops = append(columns, "interlock chain, "+name), append(hops, h)
	}
	f := newFigures("chain", "interlock chain through a proxy: all probes of a run, with its start", "ms of CPU per probe", nil, columns)
	for round := range b.rounds {
		for i, h := range hops {
			v, err := b.probeHop(ctx, h)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", columns[i], err)
			}
			f.Columns[i].Rounds = append(f.Columns[i].Rounds, v)
		}
		progress(f.Row, round+1, b.rounds)
	}
	f.compare()
	return []figures{f}, nil
}

// A hop is a proxy in front of the address at which chain listens.
type hop struct {
	*running
	listen string
}

func (b *bench) hop(ctx context.Context, name string) (*hop, error) {
	free, err := ports.Free(1)
	if err != nil {
		return nil, err
	}
	r, err := b.begin(ctx, name, nil, free[0])
	return &hop{r, free[0]}, err
}

// probeHop runs interlock chain once. That it finds failures is not an error.
func (b *bench) probeHop(ctx context.Context, h *hop) (roundValue, error) {
	dir, err := os.MkdirTemp(b.dir, "chain-")
	if err != nil {
		return roundValue{}, err
	}
	path := filepath.Join(dir, "chain.json")
	cmd := child(ctx, []string{
		b.interlock, "chain", "--via", "http://" + h.target, "--listen", h.listen, "--timeout", chainTimeout, "--store", filepath.Join(dir, "chain.db"), "-o", "json=" + path,
	})
	cmd.Dir = dir
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	wall := time.Since(begin)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	if err != nil {
		return roundValue{}, fmt.Errorf("interlock chain: %w\n%s", err, out)
	}
	probes, err := sentProbes(path)
	if err != nil {
		return roundValue{}, err
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return roundValue{Value: 1000 * cpu.Seconds() / float64(probes), CPU: cpu.Seconds(), Wall: wall.Seconds()}, nil
}

// sentProbes returns the number of probes that a run of chain sent. It is an error if no handshake
// passed the proxy: then few probes are sent.
func sentProbes(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var document struct {
		Hops []struct {
			Tunnels bool           `json:"tunnels"`
			Summary map[string]int `json:"summary"`
		} `json:"hops"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return 0, fmt.Errorf("read the report of chain: %w", err)
	}
	sent := 0
	for _, hop := range document.Hops {
		if !hop.Tunnels {
			return 0, errors.New("no handshake passed the proxy")
		}
		for verdict, n := range hop.Summary {
			if verdict != "not-sent" {
				sent += n
			}
		}
	}
	if sent == 0 {
		return 0, errors.New("chain has sent no probe")
	}
	return sent, nil
}
