//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// explained is what interlock why says.
type explained struct {
	Result    string
	Summary   string
	Diagnoses []struct{ ID, Certainty, Cause, Fix string }
}

// TestWhyNamesTheCause has real programs with a mistake in their configuration, each of which is a
// frequent question in their trackers. interlock why names the cause and the line to change, and
// with that line the WebSocket works.
func TestWhyNamesTheCause(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start func(t *testing.T, mended bool) (url string)
		id    string // of a diagnosis
		line  string // of what to change
	}{
		"nginx without the upgrade headers":     {nginxWithoutUpgrade, "rejected-426", "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"},
		"nginx with HTTP/1.0":                   {nginxWithHTTP10, "walk-lost-offer", "nginx: proxy_http_version 1.1;"},
		"nginx that changes Host":               {nginxWithOtherHost, "walk-origin", "nginx: proxy_set_header Host $http_host;"},
		"ws on another path":                    {wsElsewhere, "walk-path", `ws: new WebSocketServer({ server, path: "/chat" })`},
		"Socket.IO without sticky sessions":     {socketIO, "walk-affinity", "nginx: upstream backend { ip_hash;"},
		"http-proxy in front of a dead backend": {deadBackend, "walk-backend", "server: start it"},
		"Caddy with a wrong route":              {caddyElsewhere, "walk-path", "Caddy: reverse_proxy /chat*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := c.start(t, false)
			got := run(t, "interlock", "why", url, "-o", "json", "--timeout", "20s")
			var e explained
			if err := json.Unmarshal([]byte(got.stdout), &e); err != nil {
				t.Fatal(err, got.stdout, got.stderr)
			}
			named := false
			for _, d := range e.Diagnoses {
				named = named || d.ID == c.id && strings.Contains(d.Fix, c.line)
			}
			if got.status != 1 || !named {
				t.Errorf("broken: status %d, want 1 and %s\n%s", got.status, c.id, got.stdout)
			}
			if got := run(t, "interlock", "why", c.start(t, true), "--timeout", "20s"); got.status != 0 {
				t.Errorf("mended: status %d\n%s%s", got.status, got.stdout, got.stderr)
			}
		})
	}
}

// TestWhyAcceptsRealServers has servers with which nothing is wrong: there is no diagnosis of any.
func TestWhyAcceptsRealServers(t *testing.T) {
	t.Parallel()
	backend := nodeApp(t, "ws.cjs", "/chat")
	all := products()
	for _, name := range []string{"ws", "socketio", "http-proxy", "websockets", "aiohttp", "starlette", "tornado", "haproxy", "caddy", "nginx", "apache"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := all[name]
			got := run(t, "interlock", "why", "ws://"+p.start(t, false, backend)+p.target, "-o", "json", "--timeout", "20s")
			var e explained
			if err := json.Unmarshal([]byte(got.stdout), &e); err != nil {
				t.Fatal(err, got.stdout, got.stderr)
			}
			if got.status != 0 || e.Result != "works" || len(e.Diagnoses) > 0 {
				t.Errorf("status %d\n%s", got.status, got.stdout)
			}
		})
	}
}

// nodeApp runs a program in the folder why until the test ends. PORT and ADDRESS in its arguments
// are its own.
func nodeApp(t *testing.T, app string, args ...string) (addr string) {
	t.Helper()
	err := ports.Use(func(free string) error {
		addr = free
		_, port, _ := net.SplitHostPort(free)
		cmd := exec.Command(program(t, "node", "nodejs"), append([]string{filepath.Join("why", app), port}, args...)...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+nodeModules(t))
		return upAt(t, cmd, free)
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// upAt starts a server and returns when it listens at an address.
func upAt(t *testing.T, cmd *exec.Cmd, addr string) error {
	t.Helper()
	ended, err := begin(t, cmd)
	if err != nil {
		return err
	}
	return comesUp(ended, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func nginxWithoutUpgrade(t *testing.T, mended bool) string {
	more := ""
	if mended {
		more = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
	}
	return "ws://" + nginxInFront(t, nodeApp(t, "ws.cjs", "/chat"), more) + "/chat"
}

func nginxWithHTTP10(t *testing.T, mended bool) string {
	more := `proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`
	if mended {
		more += " proxy_http_version 1.1;"
	}
	return "ws://" + nginxInFront(t, labServer(t, "coder"), more) + "/chat"
}

func nginxWithOtherHost(t *testing.T, mended bool) string {
	more := recipe
	if mended {
		more = strings.Replace(more, "%s }", "proxy_set_header Host $http_host; %s }", 1)
	}
	return "ws://" + nginx(t, "", fmt.Sprintf(more, labServer(t, "coder"), "")) + "/chat"
}

// nginxInFront runs nginx in front of a backend, with the map that its documentation has.
func nginxInFront(t *testing.T, backend, more string) string {
	t.Helper()
	return nginxWith(t, func(dir, addr string) string {
		return fmt.Sprintf(`http { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
map $http_upgrade $connection_upgrade { default upgrade; '' close; }
server { listen %[2]s; location / { proxy_pass http://%[3]s; proxy_set_header Host $http_host; %[4]s } } }`, dir, addr, backend, more)
	})
}

func wsElsewhere(t *testing.T, mended bool) string {
	path := "/ws"
	if mended {
		path = "/chat"
	}
	return "ws://" + nodeApp(t, "ws.cjs", path) + "/chat"
}

func socketIO(t *testing.T, mended bool) string {
	sticky := ""
	if mended {
		sticky = "ip_hash; "
	}
	a, b := nodeApp(t, "socketio.cjs"), nodeApp(t, "socketio.cjs")
	front := nginxWith(t, func(dir, addr string) string {
		return fmt.Sprintf(`http { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
upstream backend { %[3]sserver %[4]s; server %[5]s; }
server { listen %[2]s; location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; } } }`,
			dir, addr, sticky, a, b)
	})
	return "ws://" + front + "/socket.io/?EIO=4&transport=websocket"
}

func deadBackend(t *testing.T, mended bool) string {
	backend := ""
	if mended {
		backend = nodeApp(t, "ws.cjs", "/chat")
	} else {
		free, err := ports.Free(1)
		if err != nil {
			t.Fatal(err)
		}
		backend = free[0]
	}
	return "ws://" + nodeApp(t, "proxy.cjs", backend) + "/chat"
}

func caddyElsewhere(t *testing.T, mended bool) string {
	route := "/ws*"
	if mended {
		route = "/chat*"
	}
	backend := nodeApp(t, "ws.cjs", "") // at any path
	var addr string
	err := ports.Use(func(free string) error {
		addr = free
		_, port, _ := net.SplitHostPort(free)
		config := file(t, "Caddyfile", fmt.Appendf(nil, "{\n\tadmin off\n}\nhttp://127.0.0.1:%s {\n\treverse_proxy %s %s\n}\n", port, route, backend))
		cmd := exec.Command(program(t, "caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", config)
		cmd.Env = append(slices.Clone(os.Environ()), "HOME="+filepath.Dir(config), "XDG_DATA_HOME="+filepath.Dir(config))
		return upAt(t, cmd, free)
	})
	if err != nil {
		t.Fatal(err)
	}
	return "ws://" + addr + "/chat"
}
