package main

import (
	"net"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/config"
)

// TestDialBecomesEager checks that after a reload the backend is dialled for silent clients, and
// that another reload takes this back.
func TestDialBecomesEager(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	text := "backend: http://" + ln.Addr().String() + "\n"
	s := serveFile(t, text)
	for _, dial := range []string{config.DialEager, config.DialLazy} {
		s.write(text + "dial: " + dial + "\n")
		if status, answer := s.reload(); status != 200 {
			t.Fatalf("%s: got %d %s", dial, status, answer)
		}
		client, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		limit := time.Minute
		if dial == config.DialLazy {
			limit = 50 * time.Millisecond
		}
		ln.(*net.TCPListener).SetDeadline(time.Now().Add(limit))
		backend, err := ln.Accept()
		if (err == nil) != (dial == config.DialEager) {
			t.Errorf("%s: accepted %v", dial, err)
		}
		if err == nil {
			backend.Close()
		}
		client.Close()
	}
}
