//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// nginx runs nginx with one server until the test ends and returns its address.
func nginx(t *testing.T, listen, server string) string {
	t.Helper()
	return nginxWith(t, func(dir, addr string) string {
		return fmt.Sprintf("http { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;\nserver { listen %[2]s%[3]s;\n%[4]s\n} }\n", dir, addr, listen, server)
	})
}

// nginxWith runs nginx with a configuration for a given folder and listen address.
func nginxWith(t *testing.T, configure func(dir, addr string) string) (addr string) {
	t.Helper()
	err := ports.Use(func(free string) error {
		addr = free
		return startNginx(t, addr, configure)
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// startNginx starts nginx and returns when it listens. The error includes its log.
func startNginx(t *testing.T, addr string, configure func(dir, addr string) string) error {
	t.Helper()
	dir := t.TempDir()
	config, log := filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "log")
	text := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/log;\n%[2]s\nevents {}\n", dir, configure(dir, addr))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(program(t, "nginx", "nginx"), "-c", config, "-e", log)
	ended, err := begin(t, cmd)
	if err != nil {
		return err
	}
	listening := func() bool {
		pid, err := os.ReadFile(filepath.Join(dir, "pid")) // nginx writes this file after it binds its address
		return err == nil && len(pid) > 0
	}
	if err := comesUp(ended, listening); err != nil {
		said, _ := os.ReadFile(log)
		return fmt.Errorf("nginx %w:\n%s", err, said)
	}
	return nil
}

// recipe is the configuration that nginx documents for proxying WebSocket.
const recipe = "location / { proxy_pass http://%s; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; %s }"

func throughNginx(t *testing.T, addr string) {
	front := nginx(t, "", fmt.Sprintf(recipe, addr, ""))
	if got := succeed(t, program(t, "curl", "curl"), "-sS", "http://"+front+"/api/items"); got.stdout != items {
		t.Errorf("got %q", got.stdout) // nginx sends Connection: upgrade without Upgrade, so this is not an upgrade exchange
	}
	if _, err := echoGorilla(t, "ws://"+front+"/echo", "hello"); err != nil {
		t.Error(err)
	}
}

// chromiumBehindTLS has nginx terminate TLS in front of the proxy, under another name than the
// backend's.
func chromiumBehindTLS(t *testing.T, addr string) {
	cert, key := selfSigned(t)
	front := nginx(t, " ssl", fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s;\n", cert, key)+
		fmt.Sprintf(recipe, addr, "proxy_set_header X-Forwarded-Proto $scheme;"))
	browse(t, "https://chat.example/", "--ignore-certificate-errors", "--host-resolver-rules=MAP chat.example:443 "+front)
}

// selfSigned writes a certificate for chat.example.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "chat.example"}, DNSNames: []string{"chat.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
