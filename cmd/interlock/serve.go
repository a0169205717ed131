package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/audit"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/web"
)

func serveCommand() *cobra.Command {
	var ascii bool
	cmd := &cobra.Command{
		Use:     "serve --backend URL",
		Short:   "stand in front of a backend and judge its upgrade exchanges",
		Example: "  interlock serve --backend http://127.0.0.1:3000\n  interlock serve --config configs/interlock.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			out := newOutput(cmd.OutOrStdout(), c.Log, ascii)
			defer out.Close()
			return serve(cmd.Context(), c, out)
		},
	}
	configFlags(cmd)
	cmd.Flags().BoolVar(&ascii, "ascii", false, "no symbols outside ASCII")
	return cmd
}

// newRelay is the relay that a configuration asks for.
func newRelay(c config, log zerolog.Logger, a *audit.Audit) (*proxy.Relay, error) {
	backend, err := backendAddress(c.Backend)
	if err != nil {
		return nil, err
	}
	return &proxy.Relay{
		Backend: &proxy.Backend{Addresses: []string{backend}, Host: c.Host}, Observe: a.Observe, Log: log,
		Limits: proxy.Limits{
			Connections: c.Limits.Connections, Dial: c.Limits.Dial.Duration, Head: c.Limits.Head.Duration,
			FirstByte: c.Limits.FirstByte.Duration, HalfClosed: c.Limits.HalfClosed.Duration, Drain: c.Limits.Drain.Duration,
		},
	}, nil
}

// newAudit is the audit that a configuration asks for.
func newAudit(c config, log zerolog.Logger) *audit.Audit {
	instance := c.Instance
	if instance == "" {
		var b [4]byte
		rand.Read(b[:])
		instance = hex.EncodeToString(b[:])
	}
	return &audit.Audit{
		Options: c.Rules.options(), Instance: instance, Log: log,
		Bounds: audit.Bounds{Evidence: c.Evidence.Bytes, First: c.Evidence.First, Last: c.Evidence.Last, Endpoints: c.Evidence.Endpoints},
	}
}

// serve runs everything until ctx ends, or until one part cannot go on.
func serve(ctx context.Context, c config, out *output) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ledger := newAudit(c, out.log)
	relay, err := newRelay(c, out.log, ledger)
	if err != nil {
		return usage("--backend: %w", err)
	}
	listeners, err := listenAll(ctx, c)
	if err != nil {
		return err
	}
	began := time.Now()
	out.banner(c, listeners)
	out.log.Info().Str("version", version()).Str("instance", ledger.Instance).Str("listen", listeners[0].Addr().String()).
		Str("admin", listeners[1].Addr().String()).Str("forward", addressOf(listeners[2])).Str("backend", relay.Backend.String()).Msg("listening")
	errc := make(chan error, 3) // one for each listener
	go func() { errc <- relay.Serve(ctx, listeners[0]) }()
	admin := &web.Server{
		Audit: ledger, Probe: &prober{config: c, ledger: ledger, backends: []*proxy.Backend{relay.Backend}, log: out.log},
	}
	go func() { errc <- admin.Serve(ctx, listeners[1]) }()
	running := 2
	if listeners[2] != nil {
		running++
		go func() { errc <- relay.ServeForward(ctx, listeners[2]) }()
	}
	failed := error(nil)
	select {
	case <-ctx.Done():
	case err := <-errc: // when one ends, the others have to
		running--
		failed = err
		stop()
	}
	out.log.Info().Int("connections", relay.Open()).Msg("draining")
	for ; running > 0; running-- {
		failed = errors.Join(failed, <-errc)
	}
	if failed != nil {
		failed = unknown("%w", failed)
	}
	out.summary(ledger, &relay.Counts, time.Since(began))
	return failed
}

// listenAll opens the reverse, the admin and the forward listener. The last one is nil if none is wanted.
func listenAll(ctx context.Context, c config) (listeners [3]net.Listener, err error) {
	lc := net.ListenConfig{KeepAliveConfig: proxy.KeepAlive}
	for i, each := range []struct{ flag, addr string }{{"listen", c.Listen}, {"admin", c.Admin}, {"forward", c.Forward}} {
		if each.addr == "" {
			continue
		}
		ln, err := lc.Listen(ctx, "tcp", each.addr)
		if err != nil {
			for _, open := range listeners[:i] {
				if open != nil {
					open.Close()
				}
			}
			return listeners, usage("%s", describeListen(each.flag, each.addr, err))
		}
		listeners[i] = ln
	}
	return listeners, nil
}

// describeListen says what is in the way of a listener and what to do.
func describeListen(flag, addr string, err error) string {
	hint := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = fmt.Sprintf("; another program has it: choose another address with --%s", flag)
	case errors.Is(err, syscall.EACCES):
		hint = "; ports below 1024 need a privilege: choose a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "; it is no address of this machine"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return fmt.Sprintf("listen on %q (--%s): %s%s", addr, flag, strings.TrimPrefix(err.Error(), "bind: "), hint)
}

func addressOf(ln net.Listener) string {
	if ln == nil {
		return ""
	}
	return ln.Addr().String()
}

// isTerminal tells whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}
