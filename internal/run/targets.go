package run

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// TargetOf names the endpoints of these URLs, as a run that is kept is known by. It is empty where one of them is none.
func TargetOf(urls []string) string {
	var all []string
	for _, url := range urls {
		p, err := parsePlace(url)
		if err != nil {
			return ""
		}
		all = append(all, p.String())
	}
	return strings.Join(all, " ")
}

// maxTargets is how many endpoints are probed in one run.
const maxTargets = 1000

// Targets are the URLs to probe: those of the command line, and those in a file where one is named, or on standard input
// where that is its name. Each is in the list once.
func Targets(args []string, name string, stdin io.Reader) ([]string, error) {
	all := slices.Clone(args)
	if name != "" {
		in := stdin
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return nil, exit.Usage("--targets: %w", err)
			}
			defer file.Close()
			in = file
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
				all = append(all, line)
			}
			if len(all) > maxTargets {
				return nil, exit.Usage("--targets: more than %d URLs", maxTargets)
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return nil, exit.Usage("--targets: a line is longer than %d bytes", bufio.MaxScanTokenSize)
		case err != nil:
			return nil, exit.Usage("--targets: %w", err)
		case len(all) == 0:
			return nil, exit.Usage("--targets: the file has no URL; write one on each line, such as http://127.0.0.1:3000/chat")
		}
	}
	if len(all) == 0 {
		return nil, exit.Usage("name the endpoint, such as http://127.0.0.1:3000/chat; interlock probe --list lists the probes")
	}
	var once []string
	for _, url := range all {
		if !slices.Contains(once, url) {
			once = append(once, url)
		}
	}
	return once, nil
}
