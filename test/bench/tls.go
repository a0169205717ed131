//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

//go:embed nginx-tls.conf
var nginxTLSConf string

//go:embed haproxy-tls.cfg
var haproxyTLSCfg string

// tlsWorks use TLS on both sides of the contender. Clients resume their sessions, and contenders
// may resume theirs with the origin.
var tlsWorks = []work{
	{
		Name: "handshake-tls", Title: "WebSocket handshake on a new connection, TLS on both sides", Figure: "µs of CPU per handshake", Scale: 1,
		Unit: "handshake", Count: 4_000, Connections: 16, Contenders: []string{"nginx-tls", "haproxy-tls", "interlock-tls"},
		Against: []string{"nginx-tls", "haproxy-tls"}, Headlines: []headline{{"interlock-tls", 1.1}}, Role: "tlsload",
	},
	{
		Name: "guard-handshake-tls", Title: "WebSocket handshake on a new connection, TLS on both sides, with the guard", Figure: "µs of CPU per handshake", Scale: 1,
		Unit: "handshake", Count: 4_000, Connections: 16, Contenders: []string{"nginx-tls", "interlock-tls", "interlock-guard-tls"},
		Against: []string{"nginx-tls"}, Headlines: []headline{{"interlock-guard-tls", 0}, {"interlock-tls", 0}}, Role: "tlsload",
	},
}

// exchanged is the key exchange that load and origin take: OpenSSL 3.0, which nginx and HAProxy have, knows none with
// ML-KEM, and contenders are to do the same work.
var exchanged = []tls.CurveID{tls.X25519}

func nginxTLS(s setting) ([]string, error) {
	path, err := s.fill("nginx.conf", nginxTLSConf)
	return []string{program("nginx"), "-p", s.dir, "-e", "stderr", "-c", path}, errors.Join(err, certify(s.dir))
}

func haproxyTLS(s setting) ([]string, error) {
	path, err := s.fill("haproxy.cfg", haproxyTLSCfg)
	return []string{program("haproxy"), "-db", "-f", path}, errors.Join(err, certify(s.dir))
}

func interlockTLS(s setting) ([]string, error) {
	path, err := s.fill("interlock.yaml", interlockYAML)
	return s.serveTLS(path), errors.Join(err, certify(s.dir))
}

// certify writes a self-signed certificate: cert.pem, key.pem, and both.pem with the two of them.
func certify(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench.test"}, DNSNames: []string{"bench.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	cert, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	secret, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cert.pem"), certPEM, 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), keyPEM, 0o600),
		os.WriteFile(filepath.Join(dir, "both.pem"), append(certPEM, keyPEM...), 0o600),
	)
}

// A securedOrigin is an origin that speaks TLS, with its address.
type securedOrigin struct {
	*process
	at string
}

// secure starts the origin of that role, once, and returns its address. Only that of HTTP/2 looks at GODEBUG.
func (b *bench) secure(ctx context.Context, role string) (*process, string, error) {
	if o := b.secured[role]; o != nil {
		return o.process, o.at, nil
	}
	p, at, err := b.newSecured(ctx, role)
	if err == nil {
		b.secured[role] = &securedOrigin{p, at}
	}
	return p, at, err
}

func (b *bench) newSecured(ctx context.Context, role string) (p *process, at string, err error) {
	if err := certify(b.dir); err != nil {
		return nil, "", fmt.Errorf("make a certificate: %w", err)
	}
	err = ports.Use(func(addr string) (err error) {
		at = addr
		p, err = start(ctx, role, setting{dir: b.dir}, []string{"env", "GODEBUG=http2xconnect=1", b.self, role, addr, b.dir}, addr)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	b.processes = append(b.processes, p)
	return p, at, nil
}

// tlsOrigin accepts the upgrade on each connection at args[0], with the certificate in the folder
// args[1], and reads until EOF.
func tlsOrigin(args []string) error {
	cert, err := tls.LoadX509KeyPair(filepath.Join(args[1], "cert.pem"), filepath.Join(args[1], "key.pem"))
	if err != nil {
		return err
	}
	ln, err := tls.Listen("tcp", args[0], &tls.Config{Certificates: []tls.Certificate{cert}, CurvePreferences: exchanged})
	if err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			head, err := readHead(conn)
			if err == nil {
				_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
					accept(field(head, "Sec-WebSocket-Key")))
			}
			if err == nil {
				_, _ = io.Copy(io.Discard, conn) // how the connection ends does not matter
			}
		}()
	}
}

// readHead reads to the end of a head.
func readHead(r io.Reader) ([]byte, error) {
	in := make([]byte, 0, 4096)
	for headEnd(in) == 0 {
		if len(in) == cap(in) {
			return nil, errors.New("a head of over 4 KiB")
		}
		n, err := r.Read(in[len(in):cap(in)])
		if in = in[:len(in)+n]; err != nil && headEnd(in) == 0 {
			return nil, fmt.Errorf("after %q: %w", in, err)
		}
	}
	return in, nil
}

// tlsLoad makes args[2] handshakes at args[1], some of them concurrently. Args[0] is the name of
// the work.
func tlsLoad(args []string) error {
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "bench.test", ClientSessionCache: tls.NewLRUClientSessionCache(64), CurvePreferences: exchanged}
	return inStep(func() error {
		var begun, resumed atomic.Int64
		errs := make([]error, tlsWorks[0].Connections)
		var workers sync.WaitGroup
		for i := range errs {
			workers.Go(func() {
				for n := begun.Add(1); n <= int64(count) && errs[i] == nil; n = begun.Add(1) {
					var again bool
					if again, errs[i] = tlsHandshake(args[1], config); again {
						resumed.Add(1)
					}
				}
			})
		}
		workers.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if got := resumed.Load(); count > 100 && got < int64(count)/2 {
			return fmt.Errorf("only %d of %d sessions were resumed", got, count)
		}
		return nil
	})
}

// tlsHandshake opens one tunnel and closes it, and reports whether its TLS session was resumed.
func tlsHandshake(target string, config *tls.Config) (resumed bool, err error) {
	plain, err := net.Dial("tcp", target)
	if err != nil {
		return false, err
	}
	conn := tls.Client(plain, config)
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return false, err
	}
	key := []byte(newKey())
	if _, err := fmt.Fprintf(conn, "GET /chat HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: interlock-bench\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", key); err != nil {
		return false, err
	}
	head, err := readHead(conn)
	if err != nil {
		return false, err
	}
	if got := string(field(head, "Sec-WebSocket-Accept")); !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || got != accept(key) {
		return false, fmt.Errorf("want a 101 with Sec-WebSocket-Accept %q, got %q", accept(key), head)
	}
	return conn.ConnectionState().DidResume, nil
}
