package terminal

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Screen is the standard output and standard error of a command that shows its progress. If both
// are one terminal, output is written above the bar.
type Screen struct {
	Stdout, Stderr io.Writer
	bars           bool // Stderr is a terminal that can draw

	mu  sync.Mutex
	bar *mpb.Progress // nil while there is none
}

// worthwhile is the size in bytes of a file that takes long enough for a bar.
const worthwhile = 32 << 20

// NewScreen shows progress on stderr where that is a terminal.
func NewScreen(stdout, stderr io.Writer) *Screen {
	return &Screen{Stdout: stdout, Stderr: stderr, bars: IsTerminal(stderr) && os.Getenv("TERM") != "dumb"}
}

// Colored reports whether the standard output is to have colours.
func (s *Screen) Colored() bool {
	return IsTerminal(s.Stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Write writes to the standard output.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil && IsTerminal(s.Stdout) {
		return s.bar.Write(p)
	}
	return s.Stdout.Write(p)
}

// Complain writes an error to the standard error.
func (s *Screen) Complain(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.Stderr
	if s.bar != nil {
		w = s.bar
	}
	fmt.Fprintln(w, "interlock: "+text)
}

// Progress shows how much of a large file has been read. The caller calls done after the last read.
// Of two files at the same time, the first one is shown.
func (s *Screen) Progress(name string, file io.Reader, info fs.FileInfo) (shown io.Reader, done func()) {
	if !s.bars || !info.Mode().IsRegular() || info.Size() < worthwhile {
		return file, func() {}
	}
	bars := s.show()
	if bars == nil {
		return file, func() {}
	}
	bar := bars.AddBar(info.Size(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(wire.Escape([]byte(name))+" "), decor.CountersKiloByte("% .1f / % .1f")),
		mpb.AppendDecorators(decor.Percentage(), decor.AverageSpeed(decor.SizeB1000(0), "  % .1f"), decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 6})))
	return bar.ProxyReader(file), func() {
		bar.Abort(true)
		s.hide()
		bars.Wait()
	}
}

// Steps shows how many of a number of things are done, if a bar can be drawn. The caller calls step
// after each, and done after the last one.
func (s *Screen) Steps(what string) (step func(n, total int), done func()) {
	if !s.bars {
		return func(int, int) {}, func() {}
	}
	bars := s.show()
	if bars == nil {
		return func(int, int) {}, func() {}
	}
	bar := bars.AddBar(0, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.CountersNoUnit("%d / %d "+what)),
		mpb.AppendDecorators(decor.Percentage(), decor.AverageSpeed(0, "  %.0f/s"), decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 6})))
	step = func(n, total int) {
		bar.SetTotal(int64(total), false)
		bar.SetCurrent(int64(n))
	}
	return step, func() {
		bar.Abort(true)
		s.hide()
		bars.Wait()
	}
}

// Width is how many columns the terminal has that is the standard output; 0 if it is none.
func (s *Screen) Width() int { return columns(s.Stdout) }

// show begins to show progress. It returns nil if other progress is shown.
func (s *Screen) show() *mpb.Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		return nil
	}
	s.bar = mpb.New(mpb.WithOutput(s.Stderr), mpb.WithWidth(40))
	return s.bar
}

func (s *Screen) hide() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar = nil
}
