//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// nghttpx runs nghttpx in front of a backend in HTTP/1.1. It speaks HTTP/2 in plain text.
func nghttpx(t *testing.T, backend string) (addr string) {
	t.Helper()
	host, port, err := net.SplitHostPort(backend)
	if err != nil {
		t.Fatal(err)
	}
	return started(t, func(dir, addr, at string) *exec.Cmd {
		return exec.Command(program(t, "nghttpx", "nghttp2-proxy"), "--conf=/dev/null", "--workers=1", "--errorlog-file="+filepath.Join(dir, "log"),
			"--accesslog-file=/dev/null", "--pid-file="+filepath.Join(dir, "pid"), fmt.Sprintf("--frontend=127.0.0.1,%s;no-tls", at), fmt.Sprintf("--backend=%s,%s", host, port))
	})
}

// started starts a server on a free port, and returns its address when it accepts connections.
func started(t *testing.T, command func(dir, addr, port string) *exec.Cmd) (addr string) {
	t.Helper()
	err := ports.Use(func(free string) error {
		addr = free
		_, port, _ := net.SplitHostPort(free)
		ended, err := begin(t, command(t.TempDir(), free, port))
		if err != nil {
			return err
		}
		return comesUp(ended, func() bool {
			conn, err := net.Dial("tcp", free)
			if err != nil {
				return false
			}
			conn.Close()
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
