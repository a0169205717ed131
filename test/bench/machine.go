//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// A machine describes where figures come from. Figures can only be compared with others of the same
// machine.
type machine struct {
	Kernel  string `json:"kernel"`
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Go      string `json:"go"`
	Nginx   string `json:"nginx"`
	HAProxy string `json:"haproxy"`
	Goproxy string `json:"goproxy"`
}

// thisMachine describes this machine; fields that it cannot determine are empty.
func thisMachine(ctx context.Context) machine {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	m := machine{
		Kernel:  strings.TrimSpace(string(kernel)),
		Cores:   runtime.NumCPU(),
		Go:      runtime.Version(),
		Nginx:   firstLine(ctx, program("nginx"), "-v"),
		HAProxy: firstLine(ctx, program("haproxy"), "-v"),
	}
	for line := range strings.Lines(string(cpus)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok && m.CPU == "" {
			m.CPU = strings.Trim(name, "\t :\n")
		}
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "github.com/elazarl/goproxy" {
				m.Goproxy = module.Version
			}
		}
	}
	return m
}

func firstLine(ctx context.Context, command ...string) string {
	out, _ := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
