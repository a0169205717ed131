package main

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// image unpacks the tar of the image and returns the image for linux/amd64.
func image(t *testing.T) v1.Image {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Open(made(t, "_image.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	untar(t, f, dir)
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if got := manifest.Manifests[0].Platform.String(); got != "linux/amd64" {
		t.Fatalf("got %s", got)
	}
	i, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func untar(t *testing.T, from io.Reader, dir string) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.Mkdir(name, os.FileMode(h.Mode)), os.Chown(name, h.Uid, h.Gid))
		} else {
			err = write(name, content, os.FileMode(h.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheImageRuns runs the entry point as the user of the image, with its layers as the file system.
func TestTheImageRuns(t *testing.T) {
	i := image(t)
	config, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{"version": built.source.name(), "revision": built.source.commit, "licenses": "Apache-2.0"} {
		if got := config.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("label %s: got %q, want %q", label, got, want)
		}
	}
	root := unpacked(t, i)
	if got := strings.Count(text(t, filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")), "BEGIN CERTIFICATE"); got < 100 {
		t.Errorf("got %d certificates", got)
	}
	chroot, setpriv := strings.TrimSpace(output(t, "which", "chroot")), strings.TrimSpace(output(t, "which", "setpriv"))
	// PID 1 of a container is its entry point.
	contained := func(args ...string) *exec.Cmd {
		c := exec.Command("unshare", append([]string{"--fork", "--pid", "--kill-child", "--mount", "--mount-proc=" + root + "/proc",
			setpriv, "--no-new-privs", chroot, "--userspec=" + config.Config.User, root, config.Config.Entrypoint[0]}, args...)...)
		c.Env = config.Config.Env
		return c
	}
	out, err := contained("demo", "--once").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "UNSAFE 101") {
		t.Errorf("demo: %v\n%s", err, out)
	}

	// The health check finds the admin address that serve has from its flags.
	admin := freePort(t)
	serve := contained("serve", "--backend", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--admin", admin, "--store", "/var/lib/interlock/interlock.db")
	log, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(log); lines.Scan() && !strings.Contains(lines.Text(), "listening"); {
	}
	own := strconv.Itoa(serve.Process.Pid)
	children := strings.Fields(text(t, "/proc/"+own+"/task/"+own+"/children"))
	if len(children) != 1 {
		t.Fatalf("serve has ended: %v", serve.Wait())
	}
	defer func() {
		output(t, "kill", "-KILL", children[0])
		_ = serve.Wait() // it was killed
	}()
	check := append([]string{"--target", children[0], "--pid", "--mount", "chroot", root}, config.Config.Healthcheck.Test[1:]...)
	output(t, "nsenter", check...)
}

// unpacked is a folder with what the layers have, and one for proc.
func unpacked(t *testing.T, i v1.Image) string {
	t.Helper()
	root := t.TempDir()
	content := mutate.Extract(i)
	defer content.Close()
	untar(t, content, root)
	if err := os.Mkdir(filepath.Join(root, "proc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// freePort is an address on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
