//go:build e2e

package e2e

import "strings"

// A product is a server that docs/harden.md has a guard for.
type product struct {
	command []string // APP, PORT and BACKEND stand for the rendered app, its port and the address of an unguarded backend
	debian  string   // the package that has the command
	target  string   // of its WebSocket endpoint
	name    string   // in the table of docs/harden.md
}

func node(app, target, name string) product {
	return product{[]string{"node", app, "PORT", "BACKEND"}, "nodejs", target, name}
}

// python is Debian's, which has Debian's packages.
func python(app, debian, name string) product {
	return product{[]string{"/usr/bin/python3", app, "PORT"}, debian, "/chat", name}
}

// java runs a source file with jars of Debian's. The virtual machine is to start quickly and to stay small.
func java(app, debian, target, name string, jars ...string) product {
	for i, jar := range jars {
		jars[i] = "/usr/share/java/" + jar + ".jar"
	}
	classes := strings.Join(jars, ":")
	return product{[]string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx96m", "-cp", classes, app, "PORT"}, debian, target, name}
}

func tomcat(target string) product {
	return java("Tomcat.java", "libtomcat10-embed-java", target, "Spring, Tomcat", "tomcat10-embed-core", "tomcat10-embed-websocket")
}

func jetty() product {
	return java("Jetty.java", "libjetty9-extra-java", "/chat", "Jetty", "servlet-api", "jetty9-http", "jetty9-io", "jetty9-security", "jetty9-server",
		"jetty9-servlet", "jetty9-util", "jetty9-websocket-api", "jetty9-websocket-common", "jetty9-websocket-server", "jetty9-websocket-servlet")
}

func netty() product {
	return java("Netty.java", "libnetty-java", "/chat", "Netty", "jctools-core", "netty-buffer", "netty-codec", "netty-codec-http", "netty-common",
		"netty-handler", "netty-resolver", "netty-transport")
}

func products() map[string]product {
	return map[string]product{
		"ws":         node("ws.cjs", "/chat", "ws"),
		"socketio":   node("socketio.cjs", "/socket.io/?EIO=4&transport=websocket", "Socket.IO"),
		"http-proxy": node("http-proxy.cjs", "/chat", "Express, http-proxy"),
		"websockets": python("chat_websockets.py", "python3-websockets", "websockets"),
		"aiohttp":    python("chat_aiohttp.py", "python3-aiohttp", "aiohttp"),
		"starlette":  python("chat_starlette.py", "python3-uvicorn", "Starlette, FastAPI, uvicorn"),
		"channels":   python("chat_channels.py", "daphne", "Django Channels, daphne"),
		"tornado":    python("chat_tornado.py", "python3-tornado", "Tornado"),
		"tomcat":     tomcat("/chat"),
		"servlet":    tomcat("/servlet"),
		"jetty":      jetty(),
		"netty":      netty(),
		"nginx":      {[]string{"nginx", "-c", "nginx.conf", "-e", "log"}, "nginx", "/chat", "nginx"},
		"haproxy":    {[]string{"haproxy", "-db", "-f", "haproxy.cfg"}, "haproxy", "/chat", "HAProxy"},
		"caddy":      {[]string{"caddy", "run", "--adapter", "caddyfile", "--config", "Caddyfile"}, "caddy", "/chat", "Caddy"},
		"apache":     {[]string{"apache2", "-X", "-f", "apache.conf"}, "apache2", "/chat", "Apache httpd"},
	}
}
