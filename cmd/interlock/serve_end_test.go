package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/proxy"
)

// TestPartThatHangsIsLeftBehind: what was found can be stored although something does not end, and the log says what.
func TestPartThatHangsIsLeftBehind(t *testing.T) {
	var log bytes.Buffer
	s := &serving{out: newOutput(&log, "json", true), relay: &proxy.Relay{}, errc: make(chan error, 2)}
	release := make(chan struct{})
	s.running.Go(func() { hang(release) })
	s.errc <- errors.New("another part's")
	err := s.wait(time.Millisecond)
	s.out.Close()
	if err == nil || !strings.Contains(err.Error(), "draining has no end") || !strings.Contains(log.String(), "interlock.hang(") {
		t.Errorf("got %v, logged %q", err, &log)
	}
	if all := s.failures(); len(all) != 1 || all[0].Error() != "another part's" {
		t.Errorf("got %v", all)
	}
	close(release)
	if err := s.wait(time.Minute); err != nil {
		t.Error(err)
	}
}

func hang(until chan struct{}) { <-until }
