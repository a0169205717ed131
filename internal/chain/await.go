package chain

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/wire"
)

// Await waits until the hop forwards a request to the sink, at most that long. Its error says what
// came instead.
func Await(ctx context.Context, hop *Hop, sink *Sink, most time.Duration) error {
	const pause, answer = 500 * time.Millisecond, 3 * time.Second
	began := time.Now()
	for {
		err := reaches(ctx, hop, sink, answer)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, new(*tls.CertificateVerificationError)): // waiting changes nothing about it
			return err
		case time.Since(began) >= most:
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// unreached says why there is no connection to the proxy, and what to do where TLS is the reason.
func unreached(err error) error {
	var untrusted *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &untrusted):
		return fmt.Errorf("the certificate of the proxy is not trusted: %w; %s", untrusted, exit.Untrusted)
	case errors.As(err, &plain):
		return fmt.Errorf("the proxy does not speak TLS there: %w; try http://", err)
	}
	return fmt.Errorf("the proxy cannot be reached: %w", err)
}

// reaches sends a plain request and reports why it does not reach the sink.
func reaches(ctx context.Context, hop *Hop, sink *Sink, within time.Duration) error {
	times := Times{Come: within}
	times.fill()
	t := &attempt{ctx: ctx, hop: hop, sink: &part{Sink: sink}, times: times, probe: &Probe{}, methods: map[*line]string{}}
	defer t.clean()
	sink.match(byTime)
	defer sink.match(byID)
	t.sink.begin()
	conn, err := hop.dial(ctx, times.Dial)
	if err != nil {
		return unreached(err)
	}
	l := newLine(conn, nil)
	t.lines = append(t.lines, l)
	t.sink.adds(l)
	id := t.id(plan{})
	l.send(t.plain(id))
	m := t.answer(l, 1)
	a := t.reached(id)
	switch {
	case a != nil && (!a.guessed || m != nil && string(m.body) == "body-"+id):
		return nil
	case m != nil:
		return fmt.Errorf("the proxy answers %s and forwards nothing to http://%s", statusText(m), sink.Addr)
	}
	if in, _ := l.received(); len(in) > 0 {
		return fmt.Errorf("the proxy does not answer in HTTP/1, but with \"%s\"", wire.Escape(in[:min(len(in), 32)]))
	}
	return fmt.Errorf("the proxy does not answer and forwards nothing to http://%s", sink.Addr)
}
