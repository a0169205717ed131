package why

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/errno"
)

// maxAddresses is how many addresses of a name are tried.
const maxAddresses = 4

// reach resolves the name, connects, and inspects TLS.
func (w *walker) reach(ctx context.Context) bool {
	ips := w.resolve(ctx)
	return len(ips) > 0 && w.connect(ctx, ips) && (w.target.TLS == nil || w.secure(ctx))
}

// resolve looks for the addresses of the host.
func (w *walker) resolve(ctx context.Context) []netip.Addr {
	step := Step{Name: "name", What: "Name", OK: true}
	if ip, err := netip.ParseAddr(w.target.Name); err == nil {
		step.Answer = ip.String() + " is an address"
		w.take(step)
		return []netip.Addr{ip}
	}
	ctx, cancel := context.WithTimeout(ctx, w.settings.Timeout)
	defer cancel()
	began := time.Now()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", w.target.Name)
	step.Took = time.Since(began)
	if err != nil || len(ips) == 0 {
		step.OK, step.Answer = false, "no address: "+lookup(err)
		w.take(step)
		w.found(noName(w.target.Name, lookup(err)))
		return nil
	}
	var shown []string
	for i := range ips {
		ips[i] = ips[i].Unmap()
		shown = append(shown, ips[i].String())
	}
	step.Answer = w.target.Name + " is at " + strings.Join(shown[:min(len(shown), maxAddresses)], ", ")
	w.take(step)
	return ips
}

// lookup says in a few words why a name has no address.
func lookup(err error) string {
	var dns *net.DNSError
	switch {
	case err == nil:
		return "the answer is empty"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return "the name server does not answer"
	case errors.As(err, &dns):
		return dns.Err
	}
	return err.Error()
}

// connect looks for an address that accepts connections.
func (w *walker) connect(ctx context.Context, ips []netip.Addr) bool {
	var deaf []string
	var failed error
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		address := net.JoinHostPort(ip.String(), w.target.Port)
		began := time.Now()
		conn, err := (&net.Dialer{Timeout: w.settings.Timeout}).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
			w.address = address
			w.take(Step{Name: "tcp", What: "TCP", OK: true, Answer: address + " accepts connections", Took: time.Since(began)})
			if len(deaf) > 0 {
				w.note("%s has more than one address, and %s does not answer: %s", w.target.Name, strings.Join(deaf, ", "), "a client that tries it first waits or fails")
			}
			return true
		}
		deaf, failed = append(deaf, address), err
	}
	if ctx.Err() != nil {
		return false
	}
	where, reason := strings.Join(deaf, ", "), refusal(failed)
	w.take(Step{Name: "tcp", What: "TCP", Answer: where + ": " + reason})
	w.found(noConnection(where, w.target.Port, failed))
	return false
}

// refusal says in a few words why a connection failed.
func refusal(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, errno.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, errno.ECONNRESET):
		return "connection reset"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer"
	case errors.Is(err, errno.ENETUNREACH), errors.Is(err, errno.EHOSTUNREACH):
		return "no route to the host"
	}
	return fmt.Sprint(bare(err))
}

// bare is an error of package net without the operation and the addresses.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
