package run

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/server"
)

// backendGone marks in the exit reason and the RESULT line that the backend did not survive its
// probes.
const backendGone = "backend=gone"

// unsolved returns the first crash of the backend without a known culprit; nil if there is none.
func unsolved(was *probe.Report) *probe.Crash {
	for i := range was.Crashes {
		if c := &was.Crashes[i]; c.Culprit == "" && len(c.Candidates) > 0 {
			return c
		}
	}
	return nil
}

// crashed returns why the end of the backend makes a run inconclusive; empty if it does not.
func crashed(was *probe.Report) string {
	switch c := unsolved(was); {
	case c != nil && !c.Back:
		return fmt.Sprintf("%s: %v; the run ended there", backendGone, c)
	case c != nil:
		return c.String()
	case was.Gone && len(was.Crashes) > 0 && was.Crashes[len(was.Crashes)-1].Culprit != "":
		return fmt.Sprintf("%s: the backend is gone since %s; the run ended there", backendGone, server.Culprit(was))
	case was.Gone:
		return backendGone + ": nothing answers any more, and no probe was under way; the run ended there"
	}
	return ""
}

// apart returns the command that sends the suspects of a crash one at a time.
func (s *site) apart(c *probe.Crash) string {
	return fmt.Sprintf("interlock probe %s --only %s --concurrency 1", s.place, strings.Join(c.Candidates, ","))
}

// crashes describes each crash of the backend, and what to do if the culprit is unknown.
func (t *probeText) crashes(b *bytes.Buffer, s *site) {
	was := &s.was
	for i := range was.Crashes {
		c := &was.Crashes[i]
		end := ""
		if !c.Back {
			end = "; the run ended there"
		}
		if len(c.Candidates) == 0 {
			t.entry(b, "   ", "the backend is gone: nothing answers any more, and no probe was under way"+end)
			continue
		}
		t.entry(b, "   ", c.String()+end)
		if c.Culprit == "" {
			t.entry(b, "   ", "next: start the backend again, then "+s.apart(c))
		}
	}
	if was.Loaded {
		t.entry(b, "   ", "load: probes got no answer among others and one when sent alone; they were sent again one at a time")
	}
}
