package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The bounds of a command that supplies handshakes or credentials.
const (
	commandFor  = 30 * time.Second
	commandSize = 64 << 10 // bytes that it prints
)

// OutputOf runs a command in the shell and returns its output. Its standard error is ours.
func OutputOf(ctx context.Context, command string, stderr io.Writer) (string, error) {
	ctx, stop := context.WithTimeout(ctx, commandFor)
	defer stop()
	out := &bounded{most: commandSize, stop: stop}
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, stderr, time.Second
	err := cmd.Run()
	switch {
	case out.full:
		return "", fmt.Errorf("it printed more than %d bytes", commandSize)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", fmt.Errorf("it did not end in %v", commandFor)
	case err != nil:
		return "", err
	}
	return out.kept.String(), nil
}

// bounded is a buffer with a limit.
type bounded struct {
	kept bytes.Buffer // no part of the method set: its ReadFrom knows no bound
	most int
	stop func() // ends the writer when the limit is exceeded
	full bool
}

// Write fails once there is too much.
func (b *bounded) Write(p []byte) (int, error) {
	if b.full = b.full || b.kept.Len()+len(p) > b.most; b.full {
		b.stop()
		return 0, errors.New("too much output")
	}
	return b.kept.Write(p)
}

// ParseHandshake parses a text as a handshake: a request head, or only headers. The rest, and
// everything that makes it a handshake, is taken from the base. from names the source in errors.
func ParseHandshake(base *rules.Handshake, text, from string) (*rules.Handshake, error) {
	h := base.Clone()
	first, rest, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	if words := strings.Fields(first); len(words) == 3 && strings.HasPrefix(words[2], "HTTP/") {
		if words[0] != "GET" || !strings.HasPrefix(words[1], "/") {
			return nil, fmt.Errorf("%s: the request line is not GET /PATH HTTP/1.1", from)
		}
		h.Path, h.Target = words[1], words[1]
		text, _, _ = strings.Cut(strings.ReplaceAll(rest, "\r\n", "\n"), "\n\n")
	}
	all, err := ParseFields(text, from)
	if err != nil {
		return nil, err
	}
	kept := all[:0]
	for _, f := range all {
		if !ofHandshake(f.Name) {
			kept = append(kept, f)
		}
	}
	if h.Target == base.Target && len(kept) == 0 {
		return nil, fmt.Errorf("%s: there is neither a request head nor a header line", from)
	}
	SetFields(h, kept)
	return h, nil
}

// ofHandshake reports whether every handshake has that field, whatever it is for.
func ofHandshake(name string) bool {
	for _, own := range []string{"Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version"} {
		if wire.EqualFold(name, own) {
			return true
		}
	}
	return false
}

// Supply is a source of handshakes that can be used once: the output of a command.
func Supply(base *rules.Handshake, command string, stderr io.Writer) func(context.Context) (*rules.Handshake, error) {
	return func(ctx context.Context) (*rules.Handshake, error) {
		text, err := OutputOf(ctx, command, stderr)
		if err != nil {
			return nil, fmt.Errorf("--handshake-cmd: %w", err)
		}
		h, err := ParseHandshake(base, text, "its output")
		if err != nil {
			return nil, fmt.Errorf("--handshake-cmd: %w", err)
		}
		return h, nil
	}
}
