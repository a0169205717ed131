package lab

import (
	"strings"
	"testing"
)

// TestLogins checks which requests the backends with a login answer without one.
func TestLogins(t *testing.T) {
	const cookie = "Cookie: a=b; session=lab\r\n"
	at := func(path, lines string) string { return strings.Replace(with(lines), "/chat", path, 1) }
	plain := func(path, lines string) string { return "GET " + path + " HTTP/1.1\r\nHost: lab\r\n" + lines + "\r\n" }
	for _, each := range []struct {
		request                string
		sound, beside, skipped int
	}{
		{plain("/admin", ""), 401, 401, 401}, {plain("/admin", cookie), 200, 200, 200}, {plain("/chat", ""), 401, 401, 401}, {plain("/chat", cookie), 426, 426, 426},
		{at("/admin", ""), 401, 401, 200}, {at("/admin", cookie), 200, 200, 200}, {plain("/admin", "Connection: Upgrade\r\nUpgrade: h2c\r\n"), 401, 401, 200},
		{at("/chat", ""), 401, 101, 101}, {at("/chat", cookie), 101, 101, 101}, {at("/echo", ""), 401, 401, 101}, {at("/echo", cookie), 101, 101, 101},
		{at("/chat", "Cookie: session=labrador\r\n"), 401, 101, 101},
	} {
		for name, want := range map[string]int{"login": each.sound, "login-beside-upgrade": each.beside, "login-skipped-by-offer": each.skipped} {
			if p := ask(t, start(t, name), each.request); p.StatusCode != want {
				t.Errorf("%s: %q: got %s, want %d", name, each.request, p.Status, want)
			}
		}
	}
}
