package run

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
)

// leastMemory is the least growth of the server that is worth a line: less is the allocator's.
const leastMemory = 4 << 20

// pace says how long the probes took, those that can crash servers apart, and what they left in the
// server.
func (t *probeText) pace(b *bytes.Buffer, s *site) {
	p := &s.was.Pace
	if p.Crash > 0 {
		text := fmt.Sprintf("%s that can crash servers, one at a time: %v", printed.Count(p.Crash, "probe"), p.CrashTook.Round(10*time.Millisecond))
		if p.Others > 0 {
			text += fmt.Sprintf("; the other %d: %v", p.Others, p.OthersTook.Round(10*time.Millisecond))
		}
		t.entry(b, "   ", text)
	}
	n := len(s.was.Residues)
	for i := range s.was.Residues {
		r := &s.was.Residues[i]
		if text := left(r); text != "" || t.verbose {
			if text == "" {
				text = "nothing"
			}
			t.entry(b, "   ", r.Probe+" left in the server: "+text)
		}
	}
	if n > 0 {
		first, last := s.was.Residues[0].Before, s.was.Residues[n-1].After
		t.entry(b, "   ", fmt.Sprintf("server process: %d descriptors, %d threads, %s before these probes; %d, %d, %s after them",
			first.Descriptors, first.Threads, printed.Size(first.Memory), last.Descriptors, last.Threads, printed.Size(last.Memory)))
	}
}

// left describes what a probe left in the server; empty if that is nothing.
func left(r *probe.Residue) string {
	var all []string
	if n := r.After.Descriptors - r.Before.Descriptors; n > 0 {
		all = append(all, printed.Count(n, "descriptor"))
	}
	if n := r.After.Threads - r.Before.Threads; n > 0 {
		all = append(all, printed.Count(n, "thread"))
	}
	if n := r.After.Memory - r.Before.Memory; n >= leastMemory {
		all = append(all, printed.Size(n)+" of memory")
	}
	return strings.Join(all, ", ")
}
