//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ticks is the number of clock ticks per second in /proc: USER_HZ, which is 100 on every Linux that
// Go runs on.
const ticks = 100

// A stat has the values that the harness needs from /proc/PID/stat (proc_pid_stat(5)).
type stat struct {
	parent int
	cpu    time.Duration // user and system time of all threads, including ended ones
}

func parseStat(line string) (stat, error) {
	// The second field is the program's name in parentheses, which may contain anything.
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 13 {
		return stat{}, fmt.Errorf("read %q as a line of /proc/PID/stat: too few fields", line)
	}
	parent, err1 := strconv.Atoi(fields[1])
	user, err2 := strconv.ParseInt(fields[11], 10, 64)
	system, err3 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return stat{}, fmt.Errorf("read %q as a line of /proc/PID/stat: not a number", line)
	}
	return stat{parent, time.Duration(user+system) * time.Second / ticks}, nil
}

// family returns the process and all its descendants. A process that ends meanwhile is left out.
func family(pid int) (map[int]stat, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := make(map[int]stat)
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		if all[id], err = parseStat(string(line)); err != nil {
			return nil, err
		}
	}
	if _, ok := all[pid]; !ok {
		return nil, fmt.Errorf("process %d is gone", pid)
	}
	return descendants(all, pid), nil
}

func descendants(all map[int]stat, pid int) map[int]stat {
	found := map[int]stat{pid: all[pid]}
	for id, s := range all {
		if s.parent == pid {
			for child, s := range descendants(all, id) {
				found[child] = s
			}
		}
	}
	return found
}

// cpuTime returns the user and system time of the process and its descendants by their clocks
// (clock_getcpuclockid(3)), which count nanoseconds; /proc counts hundredths of a second.
func cpuTime(pid int) (time.Duration, error) {
	processes, err := family(pid)
	var sum time.Duration
	for id := range processes {
		var used unix.Timespec
		if err := unix.ClockGettime(int32(^id<<3|2), &used); err != nil {
			return 0, fmt.Errorf("read the clock of process %d: %w", id, err)
		}
		sum += time.Duration(used.Nano())
	}
	return sum, err
}

// memoryPSS returns the proportional set size of the process and its descendants, in kB.
func memoryPSS(pid int) (int, error) {
	processes, err := family(pid)
	sum := 0
	for id := range processes {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", id))
		if err != nil {
			return 0, fmt.Errorf("read the memory of process %d: %w", id, err)
		}
		kB, err := parsePSS(string(rollup))
		if err != nil {
			return 0, err
		}
		sum += kB
	}
	return sum, err
}

func parsePSS(rollup string) (int, error) {
	for line := range strings.Lines(rollup) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
		}
	}
	return 0, fmt.Errorf("read %q as /proc/PID/smaps_rollup: no Pss", rollup)
}
