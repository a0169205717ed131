package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/interlock-proxy/interlock/internal/capture"
)

// liveStep is how often a live capture without packets is looked at.
const liveStep = 250 * time.Millisecond

// StandardInput is the name of standard input among the files of audit.
const StandardInput = "-"

// Input judges standard input. Of a pipe, packets are judged as they come.
func (j *Judging) Input(ctx context.Context) {
	file, err := os.Open("/dev/stdin") // unlike os.Stdin, a pipe opened here has deadlines
	if err != nil {
		file = os.Stdin
	} else {
		defer file.Close()
	}
	info, err := file.Stat()
	if err != nil || info.Mode().IsRegular() {
		j.judge(standardInput, false, func(reader *capture.Reader) (capture.Report, error) {
			return reader.Read(&untilDone{ctx, os.Stdin})
		})
		return
	}
	j.live(ctx, standardInput, &piped{ctx, file})
}

// Follow judges a capture that is still being written, or a directory of captures of which the last one
// is, until ctx ends.
func (j *Judging) Follow(ctx context.Context, name string) {
	f := &follower{ctx: ctx, name: name}
	defer f.close()
	j.live(ctx, name, f)
	if f.grown > 0 {
		j.Note(fmt.Sprintf("%s: captures that grew after the next one had begun, and were not read further: %d", name, f.grown))
	}
}

// live judges packets as they come, until they end or ctx does.
func (j *Judging) live(ctx context.Context, name string, src io.Reader) {
	j.judge(name, true, func(reader *capture.Reader) (capture.Report, error) {
		was, err := reader.Read(&withSecrets{src, j.Secrets})
		if ctx.Err() != nil && was.Packets > 0 { // the user has seen enough
			err = nil
		}
		return was, err
	})
}

// A withSecrets is a reader of packets that then reads what was added to the key log.
type withSecrets struct {
	io.Reader
	secrets *Secrets
}

// Read is part of io.Reader.
func (w *withSecrets) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 && w.secrets != nil {
		if failed := w.secrets.more(); failed != nil {
			return n, fmt.Errorf("--keylog %q: %w", w.secrets.name, failed)
		}
	}
	return n, err
}

// piped is a pipe that is read until a context ends, with a deadline for each read where it supports that.
type piped struct {
	ctx  context.Context
	file *os.File
}

// Read is part of io.Reader.
func (p *piped) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, io.EOF
	}
	if err := p.file.SetReadDeadline(time.Now().Add(liveStep)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return 0, err
	}
	return p.file.Read(b)
}
