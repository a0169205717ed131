package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Installed is the version of the server that is installed. The error says how to install it.
func (r *Recipe) Installed(ctx context.Context) (version string, err error) {
	switch v := r.Version; {
	case len(v.Command) > 0:
		version, err = output(ctx, r.dir, v.Command[0], v.Command[1:]...)
	case v.Debian != "":
		version, err = output(ctx, r.dir, "dpkg-query", "-W", "-f=${Version}", v.Debian)
	case v.NPM != "":
		version, err = ofNPM(filepath.Join(r.dir, "node_modules", v.NPM, "package.json"))
	default:
		version, err = output(ctx, r.dir, "go", "list", "-m", "-f={{.Version}}", v.Go)
	}
	if err == nil && version == "" {
		err = errors.New("it has no version")
	}
	if err != nil {
		return "", fmt.Errorf("%s is not installed (scoreboard/install %s installs it): %w", r.Name, r.ID, err)
	}
	return version, nil
}

func ofNPM(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var manifest struct{ Version string }
	err = json.Unmarshal(text, &manifest)
	return manifest.Version, err
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
