//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// line has the fields that a log line may have.
type line struct {
	Level, Message string

	Listen, Admin, Forward                    string // listening
	Exchange, Client, Backend, Method, Target string
	Protocol, Outcome, Cause, Verdict, Err    string
	Severity, Instance                        string
	Status                                    int
	Rules, Altered                            []string
	Diagnoses                                 []string
	Why                                       string
	ClientBytes, ServerBytes                  int64 // tunnel closed
	Idle                                      float64
	ClientLast, ServerLast                    string
	Exchanges, Upgrades, Unsafe               int64 // stopped, and all fields below
	Opaque, TLS                               int64
	text                                      string
}

// journal keeps the log lines of a process.
type journal struct {
	mu    sync.Mutex
	lines []line
	bad   []string      // lines that are not JSON
	wake  chan struct{} // closed and replaced at each line; closed for good at the end
	over  bool
}

// read reads log lines until EOF.
func (j *journal) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l := line{text: lines.Text()}
		err := json.Unmarshal(lines.Bytes(), &l)
		j.mu.Lock()
		if err != nil {
			j.bad = append(j.bad, l.text)
		}
		j.lines = append(j.lines, l)
		close(j.wake)
		j.wake = make(chan struct{})
		j.mu.Unlock()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.over = true
	close(j.wake)
}

// find returns the first line that matches. If there is none, over reports whether the log has
// ended, and wake is closed at the next line.
func (j *journal) find(match func(line) bool) (found line, ok, over bool, wake chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if match(l) {
			return l, true, j.over, j.wake
		}
	}
	return line{}, false, j.over, j.wake
}

// await waits for the first line that matches.
func (j *journal) await(t testing.TB, what string, match func(line) bool) line {
	t.Helper()
	deadline := time.After(patience)
	for {
		found, ok, over, wake := j.find(match)
		if ok {
			return found
		}
		if over {
			t.Fatalf("the log has ended without a line: %s\n%s", what, j)
		}
		select {
		case <-wake:
		case <-deadline:
			t.Fatalf("no log line: %s\n%s", what, j)
		}
	}
}

// entries returns the lines so far.
func (j *journal) entries() []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// message waits for the first line with that message.
func (j *journal) message(t testing.TB, message string) line {
	t.Helper()
	return j.await(t, message, func(l line) bool { return l.Message == message })
}

// exchange waits for the log line of the first exchange with that target.
func (j *journal) exchange(t testing.TB, target string) line {
	t.Helper()
	return j.await(t, "exchange "+target, func(l line) bool { return l.Message == "exchange" && l.Target == target })
}

// String returns the end of the log.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b strings.Builder
	for _, l := range j.lines[max(0, len(j.lines)-40):] {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}
