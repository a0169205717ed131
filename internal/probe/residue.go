package probe

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A Usage is what a process has in use.
type Usage struct {
	Descriptors int   `json:"descriptors"` // open files and connections
	Threads     int   `json:"threads"`
	Memory      int64 `json:"memory"` // resident bytes
}

// A Residue is what the server had in use before a probe that can crash servers, and after it.
type Residue struct {
	Probe  string `json:"probe"`
	Before Usage  `json:"before"`
	After  Usage  `json:"after"`
}

// A Pace is how long the probes of a run took. Those that can crash servers are sent last, one at a
// time.
type Pace struct {
	Others, Crash         int // probes that were sent
	OthersTook, CrashTook time.Duration
}

// UsageOf returns what a process of this machine has in use. It is read from /proc, which only Linux
// has.
func UsageOf(pid int) (u Usage, err error) {
	dir := "/proc/" + strconv.Itoa(pid)
	open, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return Usage{}, err
	}
	u.Descriptors = len(open)
	f, err := os.Open(dir + "/status")
	if err != nil {
		return Usage{}, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimSpace(value); name {
		case "State":
			if strings.HasPrefix(value, "Z") {
				return Usage{}, fmt.Errorf("process %d has ended", pid)
			}
		case "Threads":
			u.Threads, err = strconv.Atoi(value)
		case "VmRSS":
			u.Memory, err = strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
			u.Memory <<= 10
		}
		if err != nil {
			return Usage{}, fmt.Errorf("%s/status: %w", dir, err)
		}
	}
	return u, nil
}

// The time that a server has to close what a probe opened, and how often that is checked.
const (
	settleWithin = 500 * time.Millisecond
	settleEvery  = 10 * time.Millisecond
)

// weigh records what the last crash probe left in the server, before the next one or at the end. It
// waits a little for what it opened to be closed.
func (r *run) weigh(next *job) {
	if r.settings.ServerPID == 0 {
		return
	}
	now, err := UsageOf(r.settings.ServerPID)
	for until := time.Now().Add(settleWithin); err == nil && r.weighing != nil && now.Descriptors > r.weighing.Before.Descriptors && time.Now().Before(until); {
		time.Sleep(settleEvery)
		now, err = UsageOf(r.settings.ServerPID)
	}
	if err != nil {
		r.say(Progress{Note: fmt.Sprintf("process %d has ended; what the server has in use is no longer measured", r.settings.ServerPID)})
		r.settings.ServerPID, r.weighing = 0, nil
		return
	}
	if r.weighing != nil {
		r.weighing.After = now
		r.report.Residues = append(r.report.Residues, *r.weighing)
		r.weighing = nil
	}
	if next != nil {
		r.weighing = &Residue{Probe: next.probe.ID, Before: now}
	}
}

// keepPace adds the time since the last probe to those of its kind, before the next one or at the end.
func (r *run) keepPace(next *job) {
	now, p := time.Now(), &r.report.Pace
	if took := now.Sub(r.since); r.crashing {
		p.CrashTook += took
	} else {
		p.OthersTook += took
	}
	r.since = now
	if next == nil {
		return
	}
	if r.crashing = next.probe.Risk == rules.Crash; next.resent {
		return
	}
	if r.crashing {
		p.Crash++
	} else {
		p.Others++
	}
}
