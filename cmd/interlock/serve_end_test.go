package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/proxy"
)

// TestPartThatHangsIsLeftBehind checks that findings can still be stored if a part of serve does
// not end, and that the log names the part.
func TestPartThatHangsIsLeftBehind(t *testing.T) {
	var log bytes.Buffer
	s := &server.Serving{Out: terminal.NewOutput(&log, "json", true), Relay: &proxy.Relay{}, Errc: make(chan error, 2)}
	release := make(chan struct{})
	s.Running.Go(func() { hang(release) })
	s.Errc <- errors.New("another part's")
	err := s.Wait(time.Millisecond)
	s.Out.Close()
	if err == nil || !strings.Contains(err.Error(), "draining has no end") || !strings.Contains(log.String(), "interlock.hang(") {
		t.Errorf("got %v, logged %q", err, &log)
	}
	if all := s.Failures(); len(all) != 1 || all[0].Error() != "another part's" {
		t.Errorf("got %v", all)
	}
	close(release)
	if err := s.Wait(time.Minute); err != nil {
		t.Error(err)
	}
}

func hang(until chan struct{}) { <-until }
