package baseline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
)

// Reader reads the findings of earlier runs from reports and from the store.
type Reader struct {
	Screen *terminal.Screen
	Open   func() (*store.Store, error) // opens the store that runs are in
	Opened *store.Store                 // nil until a run is read from the store
	Target string                       // last and last~1 mean runs of this target; empty: any
}

// Close closes the store if Read has opened it.
func (b *Reader) Close() {
	if b.Opened != nil {
		b.Opened.Close()
	}
}

// Read adds the findings of a run. Name is a report or, if no such file exists, a run in the store.
func (b *Reader) Read(ctx context.Context, name string, into *accept.Findings) error {
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		return b.readFile(ctx, name, file, into)
	}
	switch {
	case !errors.Is(err, fs.ErrNotExist), strings.ContainsAny(name, "./"):
		return err
	case !store.IsRunName(name):
		return fmt.Errorf("there is no file %q, and runs are named last, last~1, or by ID (interlock store runs lists them)", name)
	}
	missing := fmt.Sprintf("there is no file %q, and no run", name)
	if strings.HasPrefix(name, "last") {
		missing = fmt.Sprintf("there is no run %q", name)
	}
	if b.Opened == nil {
		if b.Opened, err = b.Open(); err != nil {
			return fmt.Errorf("%s: %w", missing, err)
		}
	}
	r, err := b.Opened.FindRunOf(ctx, name, b.Target)
	if err != nil {
		return fmt.Errorf("%s in the store %q: %w", missing, b.Opened, err)
	}
	return b.readRun(ctx, b.Opened, r.ID, into)
}

// ReadBoth is Read of two runs. It reads two reports at the same time.
func (b *Reader) ReadBoth(ctx context.Context, names [2]string, into [2]*accept.Findings) error {
	if !isFile(names[0]) || !isFile(names[1]) {
		if err := b.Read(ctx, names[0], into[0]); err != nil {
			return err
		}
		return b.Read(ctx, names[1], into[1])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed [2]error
	var both sync.WaitGroup
	for i := range names {
		both.Go(func() {
			if failed[i] = b.readReport(ctx, names[i], into[i]); failed[i] != nil {
				cancel()
			}
		})
	}
	both.Wait()
	if failed[0] == nil || errors.Is(failed[0], context.Canceled) && failed[1] != nil {
		return failed[1]
	}
	return failed[0]
}

func isFile(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (b *Reader) readReport(ctx context.Context, name string, into *accept.Findings) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return b.readFile(ctx, name, file, into)
}

// readFile reads a report.
func (b *Reader) readFile(ctx context.Context, name string, file *os.File, into *accept.Findings) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	shown, done := b.Screen.Progress(name, file, info)
	defer done()
	if err := report.Read(&whileWanted{ctx, shown}, into.Add); err != nil {
		return fmt.Errorf("read %q: %w", name, err)
	}
	if into.More > 0 {
		b.Screen.Complain(fmt.Sprintf("%s: findings that are not told apart: %d", name, into.More))
	}
	return nil
}

// whileWanted is a file that can be read until the context ends.
type whileWanted struct {
	ctx context.Context
	io.Reader
}

// Read is part of io.Reader.
func (w *whileWanted) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Reader.Read(p)
}

// readRun reads the exchanges of a run, and the findings that have no stored exchange.
func (b *Reader) readRun(ctx context.Context, s *store.Store, run string, into *accept.Findings) error {
	q := store.Query{Run: run}
	total, err := s.Count(ctx, q)
	if err != nil {
		return err
	}
	step, done := b.Screen.Steps("exchanges")
	defer done()
	n := 0
	err = s.Rulings(ctx, q, func(r *rules.Ruling) error {
		if n++; n%100 == 0 {
			step(n, int(total))
		}
		into.Add(r)
		return nil
	})
	if err != nil {
		return err
	}
	return web.Known(ctx, s, q, into)
}
