package server

import (
	"net"
	"syscall"
	"testing"
)

// TestListenersSpeakPlainTCP asks the kernel for the protocol of a listener.
func TestListenersSpeakPlainTCP(t *testing.T) {
	ln, err := Listen(t.Context(), "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const soProtocol = 38
	var protocol int
	var failed error
	if err := raw.Control(func(fd uintptr) {
		protocol, failed = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, soProtocol)
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	if protocol != syscall.IPPROTO_TCP {
		t.Errorf("the protocol is %d, want TCP", protocol)
	}
}
