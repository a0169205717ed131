//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A row is a figure that is measured in every round.
type row struct {
	Name string

	// Measure returns one or more tables.
	Measure func(ctx context.Context, b *bench) ([]figures, error)
}

// rows are all rows, in the order in which they are measured. Each list is in the file of its kind.
var rows = slices.Concat(workRows(allWorks()), latencyRows(), memoryRows(), growthRows(), chainRows())

// allWorks returns the works of all kinds.
func allWorks() []work { return slices.Concat(works, frameWorks, guardWorks, tlsWorks, http2Works) }

func (r row) name() string { return r.Name }

// A bench is one run. Everything that it starts lives until the end of the run, unless its row says
// otherwise.
type bench struct {
	dir             string
	self, interlock string // paths of the binaries
	rounds          int
	scale           float64                   // of the number of units
	behind          int                       // that the oldest contender of the growth rows has handled
	hosts           int                       // distinct clients of the row clients
	chosen          []string                  // contenders
	origin          *process                  // shared by all contenders
	backend         string                    // its address
	secured         map[string]*securedOrigin // those that speak TLS, by their role, once a contender needs them
	running         []*running                // shared contenders
	processes       []*process
}

// running is a contender that has been started.
type running struct {
	contender
	*process
	target string // the address for the load
	admin  string // the admin address of an interlock
}

// count returns the number of units in a round, given the default.
func (b *bench) count(units int) int { return max(1, int(float64(units)*b.scale)) }

// open starts the origin. The rows start everything else that they need.
func (b *bench) open(ctx context.Context) (err error) {
	b.origin, b.backend, err = b.newOrigin(ctx)
	return err
}

// close ends everything, in reverse order.
func (b *bench) close() {
	for _, p := range slices.Backward(b.processes) {
		p.stop()
	}
}

func (b *bench) newOrigin(ctx context.Context) (*process, string, error) {
	var p *process
	var backend string
	err := ports.Use(func(addr string) (err error) {
		backend = addr
		p, err = start(ctx, "origin", setting{dir: b.dir}, []string{b.self, "origin", addr}, addr)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	b.processes = append(b.processes, p)
	return p, backend, nil
}

// among returns those of the names that this run measures.
func (b *bench) among(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		base, _, _ := strings.Cut(name, " ")
		return !slices.Contains(b.chosen, base)
	})
}

// shared returns the contender with that name, which serves all rows.
func (b *bench) shared(ctx context.Context, name string) (*running, error) {
	for _, r := range b.running {
		if r.Name == name {
			return r, nil
		}
	}
	origin, backend := b.origin, b.backend
	for suffix, role := range map[string]string{"-tls": "tlsorigin", "-h2": "h2origin"} {
		if strings.HasSuffix(name, suffix) {
			var err error
			if origin, backend, err = b.secure(ctx, role); err != nil {
				return nil, err
			}
		}
	}
	r, err := b.begin(ctx, name, origin, backend)
	if err == nil {
		b.running = append(b.running, r)
	}
	return r, err
}

// begin starts a contender in front of an origin.
func (b *bench) begin(ctx context.Context, name string, origin *process, backend string) (*running, error) {
	i := slices.IndexFunc(contenders, func(c contender) bool { return c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%q is not a contender", name)
	}
	return b.beginWith(ctx, contenders[i], origin, backend)
}

// beginWith starts a contender that need not be in the register.
func (b *bench) beginWith(ctx context.Context, c contender, origin *process, backend string) (*running, error) {
	if c.Command == nil {
		return &running{c, origin, backend, ""}, nil
	}
	s := setting{self: b.self, interlock: b.interlock, backend: backend}
	var p *process
	err := ports.Use(func(addr string) error {
		admin, err := ports.Free(1)
		if err == nil {
			s.dir, err = os.MkdirTemp(b.dir, "contender-")
		}
		if err != nil {
			return fmt.Errorf("start %s: %w", c.Name, err)
		}
		s.listen, s.admin = addr, admin[0]
		command, err := c.Command(s)
		if err != nil {
			return fmt.Errorf("start %s: %w", c.Name, err)
		}
		p, err = start(ctx, c.Name, s, command, s.listen)
		return err
	})
	if err != nil {
		return nil, err
	}
	b.processes = append(b.processes, p)
	return &running{c, p, s.listen, s.admin}, nil
}

func progress(name string, round, rounds int) {
	fmt.Fprintf(os.Stderr, "%s, round %d of %d\n", name, round, rounds)
}

// raiseLimit raises the limit of descriptors to the maximum that the system allows.
func raiseLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the descriptor limit: %w", err)
	}
	if limit.Cur = limit.Max; limit.Max < 17_000 {
		return errors.New("8,000 tunnels take 17,000 descriptors, and this user may have " + fmt.Sprint(limit.Max) + " (ulimit -Hn)")
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
