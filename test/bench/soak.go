//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// A soakPlan says for how long mixed traffic goes through proxies, and what must hold meanwhile.
type soakPlan struct {
	long, every time.Duration // of everything, and between two samples
	stall       time.Duration // the longest wait of the canary
	growth      float64       // the most that anything may grow from the second third to the last, as a part of it
	rate        float64       // of the traffic; 1 is about 200 operations a second
}

// A soakResult is the result of a soak, as written to the JSON file.
type soakResult struct {
	Time     time.Time  `json:"time"`
	Seconds  float64    `json:"seconds"`
	Machine  machine    `json:"machine"`
	Subjects []*subject `json:"subjects"`
	Traffic  []*traffic `json:"traffic"`
	Canaries []*canary  `json:"canaries"` // through the proxy, and beside it
	Failures []string   `json:"failures"`
}

// soak runs interlock serve as shipped under mixed traffic for a while, and fails if its memory, descriptors or goroutines
// grow, if an operation fails, or if a canary client has to wait for long.
func soak(args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	plan := soakPlan{stall: time.Second, growth: 0.05}
	flags.DurationVar(&plan.long, "duration", 10*time.Minute, "how `long`")
	flags.DurationVar(&plan.every, "every", 2*time.Second, "`time` between two samples")
	flags.Float64Var(&plan.rate, "rate", 1, "`factor` for the rate of the traffic, of about 200 operations/s")
	binary := flags.String("interlock", "", "`path` of an interlock binary; built from cmd/interlock if empty")
	output := flags.String("o", "soak.json", "`file` for all samples as JSON")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	ctx := context.Background()
	runtime.LockOSThread() // see status
	b := &bench{secured: map[string]*securedOrigin{}}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find the own binary: %w", err)
	}
	if b.dir, err = os.MkdirTemp("", "interlock-soak-"); err != nil {
		return fmt.Errorf("make a folder for the run: %w", err)
	}
	defer os.RemoveAll(b.dir)
	if b.interlock, err = interlockBinary(ctx, *binary, b.dir); err != nil {
		return err
	}
	result, err := b.soak(ctx, plan)
	if err != nil {
		return err
	}
	if err := result.print(os.Stdout); err != nil {
		return err
	}
	if err := writeJSON(*output, result); err != nil {
		return err
	}
	if len(result.Failures) > 0 {
		return fmt.Errorf("%d failures; the first one: %s", len(result.Failures), result.Failures[0])
	}
	return nil
}

// soak starts the proxies and everything else, and ends it again.
func (b *bench) soak(ctx context.Context, plan soakPlan) (*soakResult, error) {
	defer b.close()
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	plain, secure, err := b.soaked(ctx)
	if err != nil {
		return nil, err
	}
	all := trafficOf(plain, secure, b.backend, plan.rate)
	canaries := []*canary{{Name: "through Interlock", target: plain.target}, {Name: "beside it, to the origin", target: b.backend}}
	return soakUnder(ctx, plan, []*subject{plain.subject, secure.subject}, all, canaries)
}

// soakUnder takes samples of the subjects while the traffic runs, and checks them.
func soakUnder(ctx context.Context, plan soakPlan, subjects []*subject, all []*traffic, canaries []*canary) (*soakResult, error) {
	result := &soakResult{Time: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(ctx), Subjects: subjects, Traffic: all, Canaries: canaries}
	ctx, cancel := context.WithTimeout(ctx, plan.long)
	defer cancel()
	began := time.Now()
	var running sync.WaitGroup
	for _, t := range all {
		running.Go(func() { t.run(ctx) })
	}
	for _, c := range canaries {
		running.Go(func() { c.run(ctx) })
	}
	every := time.NewTicker(plan.every)
	defer every.Stop()
	var err error
	for ctx.Err() == nil && err == nil {
		select {
		case <-ctx.Done():
		case <-every.C:
			for _, s := range subjects {
				err = errors.Join(err, s.sample(ctx, time.Since(began)))
			}
		}
	}
	if ctx.Err() != nil { // a sample that the end has interrupted
		err = nil
	}
	cancel()
	running.Wait()
	result.Seconds = time.Since(began).Seconds()
	if err == nil {
		result.check(plan)
	}
	return result, err
}

// check compares the result with the plan.
func (r *soakResult) check(plan soakPlan) {
	for _, t := range r.Traffic {
		if t.Failed > 0 {
			r.Failures = append(r.Failures, fmt.Sprintf("%s: %d of %d failed, the first one: %s", t.Name, t.Failed, t.Done+t.Failed, t.First))
		}
		if t.Done == 0 {
			r.Failures = append(r.Failures, t.Name+": none was done")
		}
	}
	for _, s := range r.Subjects {
		s.compare(plan.growth)
		for _, c := range s.Trends {
			if !c.Flat {
				r.Failures = append(r.Failures, fmt.Sprintf("%s: %s grows: the median is %.0f in the second third and %.0f in the last one", s.Name, c.What, c.Second, c.Last))
			}
		}
	}
	c := r.Canaries[0]
	if c.longest() > plan.stall {
		r.Failures = append(r.Failures, fmt.Sprintf("a canary client waited for %.0f ms, %.1f s after the beginning; at most %v is allowed (beside the proxy: %.0f ms at most)",
			c.Longest, c.At, plan.stall, r.Canaries[len(r.Canaries)-1].Longest))
	}
	if c.Failed > 0 || c.Done == 0 {
		r.Failures = append(r.Failures, fmt.Sprintf("canary: %d of %d failed, the first one: %s", c.Failed, c.Done+c.Failed, c.First))
	}
}

// print writes the tables.
func (r *soakResult) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%.0f s of mixed traffic\n\n\tdone\tfailed\tskipped\tlongest, ms\t\n", r.Seconds)
	for _, t := range r.Traffic {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.1f\t\n", t.Name, t.Done, t.Failed, t.Skipped, t.Longest)
	}
	fmt.Fprint(w, "\ncanary, every 100 ms\tdone\tp50, ms\tp99, ms\tlongest, ms\tat, s\t\n")
	for _, c := range r.Canaries {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", c.Name, c.Done, c.P50, c.P99, c.Longest, c.At)
	}
	for _, s := range r.Subjects {
		fmt.Fprintf(w, "\n%s, medians\tfirst third\tsecond\tlast\tleast\tmost\tflat\t\n", s.Name)
		for _, c := range s.Trends {
			fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%v\t\n", c.What, c.First, c.Second, c.Last, c.Least, c.Most, c.Flat)
		}
	}
	fmt.Fprintln(w)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "FAILED: %s\n", f)
	}
	if len(r.Failures) == 0 {
		fmt.Fprintln(w, "flat, and no stall")
	}
	return w.Flush()
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// A canary is a client that opens a tunnel, has one frame echoed and closes it, every 100 ms.
type canary struct {
	Name    string  `json:"name"`
	Done    int     `json:"done"`
	Failed  int     `json:"failed,omitempty"`
	First   string  `json:"first_failure,omitempty"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Longest float64 `json:"longest_ms"` // from when it was due
	At      float64 `json:"longest_at_s"`

	target string
}

const canaryEvery = 100 * time.Millisecond

func (c *canary) longest() time.Duration { return time.Duration(c.Longest * float64(time.Millisecond)) }

// run is one handshake after the other until ctx ends.
func (c *canary) run(ctx context.Context) {
	began := time.Now()
	var waits []float64
	for i := 0; ; i++ {
		due := began.Add(time.Duration(i) * canaryEvery)
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			break
		}
		if err := echoOnce(c.target); err != nil {
			if c.Failed++; c.Failed == 1 {
				c.First = err.Error()
			}
			continue
		}
		c.Done++
		wait := time.Since(due).Seconds() * 1000
		if waits = append(waits, wait); wait > c.Longest {
			c.Longest, c.At = wait, time.Since(began).Seconds()
		}
	}
	if slices.Sort(waits); len(waits) > 0 {
		c.P50, c.P99 = quantile(waits, 0.5), quantile(waits, 0.99)
	}
}
