package recipes

import (
	"bufio"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const handshake = " /chat HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// dial sends a WebSocket handshake and returns the connection and the status of the response.
func dial(t *testing.T, at, method string) (net.Conn, int) {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(method + handshake)); err != nil {
		t.Fatal(err)
	}
	p, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, p.StatusCode
}

// up starts a pod of every Deployment: the application first, then Interlock.
func (c *cluster) up() (proxy *pod) {
	c.t.Helper()
	d, _ := c.r.proxy(c.t)
	for name, other := range c.r.deployments {
		if other != d {
			c.run(name+"-0", &other.Spec.Template)
		}
	}
	return c.run(d.Name+"-0", &d.Spec.Template)
}

// TestModesRun runs the containers of each mode with their arguments, configuration and probes. A
// client of the application's Service opens a WebSocket, and Interlock sees it.
func TestModesRun(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		c := newCluster(t, r)
		c.postgres()
		p := c.up()
		_, container := r.proxy(t)
		running := p.processes[container.Name]
		if got, want := running.listening(t), slices.Sorted(maps.Values(portsOf(container))); !slices.Equal(got, want) {
			t.Errorf("it listens at %v, and the container has the ports %v", got, want)
		}
		if _, status := dial(t, c.resolve("chat"), "GET"); status != http.StatusSwitchingProtocols {
			t.Fatalf("a handshake got the status %d", status)
		}
		var seen struct {
			Exchanges []struct{ Endpoint, Instance, Verdict string }
		}
		within(t, "the exchange is stored", func() bool {
			p.asJSON(t, "/api/v1/exchanges", &seen)
			return len(seen.Exchanges) > 0
		}, running)
		if x := seen.Exchanges[0]; x.Endpoint != "/chat" || x.Verdict != "pass" || x.Instance != p.name {
			t.Errorf("got %+v", x)
		}
		admin, health := "http://"+net.JoinHostPort(p.ip, "9426"), "http://"+net.JoinHostPort(p.ip, "9427")
		for url, want := range map[string]int{
			admin + "/api/v1/findings": 401, health + "/api/v1/findings": 404, health + "/": 404,
			health + "/metrics": 200, health + "/healthz": 200, health + "/readyz": 200,
		} {
			if status, body := ask(t, url, ""); status != want {
				t.Errorf("%s without a token: status %d, want %d: %s", url, status, want, body)
			}
		}
		// The tunnel is open, so it is there until the drain time is over.
		if status := running.stop(t, grace(p.spec)-sleepOf(container)); status != 0 {
			t.Errorf("it ended with status %d", status)
		}
		if !strings.Contains(running.String(), `"message":"stopped"`) {
			t.Error("the last line is not in the log")
		}
	})
}

// TestAChangedConfigMapIsReloaded changes the files of the ConfigMap as kubelet does, for a
// ConfigMap whose name has no hash.
func TestAChangedConfigMapIsReloaded(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		c := newCluster(t, r)
		c.postgres()
		p := c.up()
		_, container := r.proxy(t)
		running := p.processes[container.Name]
		folder := filepath.Join(running.root, "etc/interlock/config")
		text, err := os.ReadFile(filepath.Join(folder, "interlock.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		c.update(folder, "..2", map[string]string{"interlock.yaml": string(text) + "guard: unsafe\n"})
		within(t, "the configuration is read again", func() bool { return strings.Contains(running.String(), `"changed":["guard"]`) }, running)
	})
}
