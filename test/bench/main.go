//go:build linux

// Bench measures what a proxy costs: the CPU time of its process per unit of work, its memory and the time that it adds,
// several proxies side by side in one run, quoted as ratios. It runs in its own folder, test/bench. docs/performance.md describes the rows and has the results.
//
//	go run .                                    # everything, five rounds; writes results.json
//	go run . -row get-32,handshake -rounds 7 -contenders nginx,haproxy,interlock
//
// Origin, load and the Go peers are this same binary, started again with the role as its first argument.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Paths from the folder of the benchmark, which is the working directory.
const (
	defaultOutput = "results.json"
	documentPath  = "../../docs/performance.md"
	root          = "../.."
)

var errUsage = errors.New("usage")

func main() {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			if err := role(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(status(os.Args[1:]))
}

// status runs the harness and is its exit status: 2 for a wrong command line, 1 if anything else failed.
func status(args []string) int {
	// A child gets its Pdeathsig when the thread that started it ends, so all are started from this
	// thread.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, args)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

// roles are the processes that this binary can become besides the harness; only load ends by
// itself.
var roles = map[string]func(args []string) error{
	"origin":       origin,
	"load":         load,
	"pace":         keepPace,
	"hold":         hold,
	"reverseproxy": reverseProxy,
	"goproxy":      goProxy,
	"tlsorigin":    tlsOrigin,
	"tlsload":      tlsLoad,
	"h2origin":     http2Origin,
	"h2load":       loadHTTP2,
	"h2hold":       holdHTTP2,
	"document":     document,
	"soak":         soak,
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	b := &bench{secured: map[string]*securedOrigin{}}
	flags.IntVar(&b.rounds, "rounds", 5, "counted `rounds`; one more, not counted, comes before them")
	flags.Float64Var(&b.scale, "scale", 1, "`factor` for the number of units in a round")
	flags.IntVar(&b.behind, "behind", 100_000, "`exchanges` that the oldest contender of rows growth and growth-sqlite has handled, 1,000 or more; 10,000,000 take 13 minutes in row growth")
	flags.IntVar(&b.hosts, "clients", 100_000, "distinct `clients` of the row clients, up to 16 million; 1,000,000 take ten minutes")
	contenderNames := flags.String("contenders", strings.Join(names(contenders), ","), "`names` of the contenders to measure")
	rowNames := flags.String("row", strings.Join(names(rows), ","), "`names` of the rows to measure")
	interlock := flags.String("interlock", "", "`path` of an interlock binary; built from cmd/interlock if empty")
	output := flags.String("o", "", "`file` for all figures as JSON (default "+defaultOutput+" if nothing was left out, else none)")
	merge := flags.Bool("merge", false, "put the measured rows into the figures that the file of -o has, with the date")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	chosen, err := choose(contenders, *contenderNames)
	if err != nil {
		return fmt.Errorf("%w: -contenders: %w", errUsage, err)
	}
	b.chosen = names(chosen)
	measured, err := choose(rows, *rowNames)
	if err != nil {
		return fmt.Errorf("%w: -row: %w", errUsage, err)
	}
	if b.rounds < 1 || b.scale <= 0 || b.behind < youngest || b.hosts < 1 || b.hosts > 16_000_000 || flags.NArg() > 0 {
		return fmt.Errorf("%w: -rounds is at least 1, -behind 1000, -clients 1 to 16,000,000, -scale is over 0, and there are no other arguments", errUsage)
	}
	if *merge && *output == "" {
		*output = defaultOutput
	}
	if *output == "" && len(chosen) == len(contenders) && len(measured) == len(rows) {
		*output = defaultOutput
	}
	if _, err := os.Stat(filepath.Dir(*output)); err != nil {
		return fmt.Errorf("%w: no folder for the figures (run it at the top of the module, or name a file with -o): %w", errUsage, err)
	}
	if err := raiseLimit(); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find the own binary: %w", err)
	}
	if b.dir, err = os.MkdirTemp("", "interlock-bench-"); err != nil {
		return fmt.Errorf("make a folder for the run: %w", err)
	}
	defer os.RemoveAll(b.dir)
	if slices.ContainsFunc(b.chosen, func(name string) bool { return strings.HasPrefix(name, "interlock") }) {
		if b.interlock, err = interlockBinary(ctx, *interlock, b.dir); err != nil {
			return err
		}
	}
	results, failed := b.measure(ctx, measured)
	if len(results.Rows) == 0 {
		return failed
	}
	fmt.Printf("%d rounds; a ratio is the median of the ratios in the rounds\n", results.Rounds)
	if *output == "" {
		return failed
	}
	if *merge {
		before, err := readResults(*output)
		if err != nil {
			return errors.Join(failed, err)
		}
		before.merge(results)
		results = before
	}
	return errors.Join(failed, results.write(*output))
}

// measure measures rows one after the other, then ends everything that it started. If a row fails, the others are
// measured all the same.
func (b *bench) measure(ctx context.Context, measured []row) (results, error) {
	defer b.close()
	if err := b.open(ctx); err != nil {
		return results{}, err
	}
	r := results{Time: time.Now().UTC().Truncate(time.Second), Rounds: b.rounds, Machine: thisMachine(ctx)}
	var failed error
	for _, row := range measured {
		found, err := row.Measure(ctx, b)
		if err != nil {
			fmt.Fprintf(os.Stderr, "row %s: %v\n", row.Name, err)
			failed = errors.Join(failed, fmt.Errorf("row %s: %w", row.Name, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		r.Rows = append(r.Rows, found...)
		if err := printAll(os.Stdout, found); err != nil {
			return results{}, fmt.Errorf("print the table: %w", err)
		}
	}
	return r, failed
}

// interlockBinary returns the absolute path of the interlock at path, or of one built into dir as releases are if
// path is empty.
func interlockBinary(ctx context.Context, path, dir string) (string, error) {
	if path != "" {
		return filepath.Abs(path)
	}
	built := filepath.Join(dir, "interlock")
	build := exec.CommandContext(ctx, "go", "build", "-C", root, "-trimpath", "-pgo", "cmd/interlock/serve.pgo", "-o", built, "./cmd/interlock")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build interlock: %w\n%s(leave it out with -contenders, or name a binary with -interlock)", err, out)
	}
	return built, nil
}

func (c contender) name() string { return c.Name }

func names[T interface{ name() string }](register []T) []string {
	var all []string
	for _, entry := range register {
		all = append(all, entry.name())
	}
	return all
}

// choose returns the entries with the listed names, in the order of the register.
func choose[T interface{ name() string }](register []T, list string) ([]T, error) {
	wanted := strings.Split(list, ",")
	for _, name := range wanted {
		if !slices.Contains(names(register), name) {
			return nil, fmt.Errorf("%q is none of %s", name, strings.Join(names(register), ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(register), func(entry T) bool { return !slices.Contains(wanted, entry.name()) }), nil
}
