package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"github.com/interlock-proxy/interlock/wire"
)

// screen is the standard output and the standard error of a command that shows its progress. Where both are one terminal,
// what is written stands above the bar.
type screen struct {
	stdout, stderr io.Writer
	bars           bool // stderr is a terminal that can draw

	mu  sync.Mutex
	bar *mpb.Progress // nil while there is none
}

// worthwhile is the size in bytes of a file that takes long enough for a bar.
const worthwhile = 32 << 20

func newScreen(stdout, stderr io.Writer) *screen {
	return &screen{stdout: stdout, stderr: stderr, bars: isTerminal(stderr) && os.Getenv("TERM") != "dumb"}
}

// colored tells whether the standard output is to have colours.
func (s *screen) colored() bool {
	return isTerminal(s.stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Write writes to the standard output.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil && isTerminal(s.stdout) {
		return s.bar.Write(p)
	}
	return s.stdout.Write(p)
}

// complain writes an error to the standard error.
func (s *screen) complain(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.stderr
	if s.bar != nil {
		w = s.bar
	}
	fmt.Fprintln(w, "interlock: "+text)
}

// progress shows how far a file has been read from here on, if it is large. The caller calls done behind the last read.
func (s *screen) progress(name string, file io.Reader, info fs.FileInfo) (shown io.Reader, done func()) {
	if !s.bars || !info.Mode().IsRegular() || info.Size() < worthwhile {
		return file, func() {}
	}
	bars := mpb.New(mpb.WithOutput(s.stderr), mpb.WithWidth(40))
	bar := bars.AddBar(info.Size(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(wire.Escape([]byte(name))+" "), decor.CountersKiloByte("% .1f / % .1f")),
		mpb.AppendDecorators(decor.Percentage(), decor.AverageSpeed(decor.SizeB1000(0), "  % .1f"), decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 6})))
	s.show(bars)
	return bar.ProxyReader(file), func() {
		bar.Abort(true)
		s.show(nil)
		bars.Wait()
	}
}

// steps shows how many of a number of things are done, where that can be drawn. The caller tells it by step, and calls done
// behind the last one.
func (s *screen) steps(what string) (step func(n, total int), done func()) {
	if !s.bars {
		return func(int, int) {}, func() {}
	}
	bars := mpb.New(mpb.WithOutput(s.stderr), mpb.WithWidth(40))
	bar := bars.AddBar(0, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.CountersNoUnit("%d / %d "+what)),
		mpb.AppendDecorators(decor.Percentage(), decor.AverageSpeed(0, "  %.0f/s"), decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 6})))
	s.show(bars)
	step = func(n, total int) {
		bar.SetTotal(int64(total), false)
		bar.SetCurrent(int64(n))
	}
	return step, func() {
		bar.Abort(true)
		s.show(nil)
		bars.Wait()
	}
}

// width is how many columns the terminal has that is the standard output; 0 if it is none.
func (s *screen) width() int {
	f, ok := s.stdout.(*os.File)
	if !ok || !isTerminal(f) {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

func (s *screen) show(bars *mpb.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar = bars
}
