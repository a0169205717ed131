package recipes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// patience is how long a test waits for an event.
const patience = time.Minute

// program is the path of interlock, built by TestMain.
var program string

// TestMain builds the program once. The tests wait most of the time, so many run at once unless
// -parallel says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "interlock-recipes-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "interlock")
		if out, err := exec.Command("go", "build", "-C", "../..", "-o", program, "./cmd/interlock").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build interlock: %v\n%s", err, out)
			return 1
		}
		defer stopPostgres()
		return m.Run()
	}())
}

// A cluster runs the containers of a recipe as processes. Each pod has an address of its own in
// 127.0.0.0/8, so the ports of the containers stay as they are.
type cluster struct {
	t       *testing.T
	r       *rendered
	secrets map[string]map[string]string
	pods    []*pod
}

// A pod has a process for each of its containers.
type pod struct {
	name, ip  string
	token     string // of the admin address
	labels    map[string]string
	spec      *core.PodSpec
	processes map[string]*process // by container
}

// A process is a running container.
type process struct {
	cmd   *exec.Cmd
	root  string        // the folder of its volumes
	ended chan struct{} // closed when the process has ended and out is complete
	mu    sync.Mutex
	out   bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func newCluster(t *testing.T, r *rendered) *cluster {
	return &cluster{t: t, r: r, secrets: map[string]map[string]string{"interlock-admin": {"token": "0123456789abcdef\n"}}}
}

// address returns an address that no other pod of any test is likely to have.
func address() string {
	return fmt.Sprintf("127.%d.%d.%d", 16+rand.IntN(200), 1+rand.IntN(250), 1+rand.IntN(250))
}

// run starts a pod of a template, and returns when the probes of all its containers succeed.
func (c *cluster) run(name string, template *core.PodTemplateSpec) *pod {
	c.t.Helper()
	p := &pod{name: name, ip: address(), labels: template.Labels, spec: template.Spec.DeepCopy(), processes: map[string]*process{}}
	for _, each := range slices.Concat(p.spec.InitContainers, p.spec.Containers) {
		p.processes[each.Name] = c.start(p, &each)
		c.probe(p, &each, each.StartupProbe)
	}
	for _, each := range slices.Concat(p.spec.InitContainers, p.spec.Containers) {
		c.probe(p, &each, each.LivenessProbe)
		c.probe(p, &each, each.ReadinessProbe)
	}
	c.pods = append(c.pods, p)
	return p
}

// start starts a container as a process, with its arguments, variables and volumes.
func (c *cluster) start(p *pod, container *core.Container) *process {
	c.t.Helper()
	root := c.t.TempDir()
	var paths []string
	for _, m := range container.VolumeMounts {
		paths = append(paths, m.MountPath, root+m.MountPath)
	}
	mapped := strings.NewReplacer(paths...)
	for _, m := range container.VolumeMounts {
		c.mount(p, m.Name, root+m.MountPath, mapped)
	}
	var args []string
	for _, arg := range container.Args {
		args = append(args, c.located(p, mapped.Replace(arg)))
	}
	started := &process{cmd: exec.Command(program, args...), ended: make(chan struct{}), root: root}
	started.cmd.Dir = root
	started.cmd.Env = []string{"TMPDIR=/nonexistent"} // the image has no folder for temporary files
	for _, e := range container.Env {
		started.cmd.Env = append(started.cmd.Env, e.Name+"="+c.value(p, &e))
	}
	started.cmd.Stdout, started.cmd.Stderr = started, started
	if err := started.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(started.ended)
		_ = started.cmd.Wait() // stop looks at the status
	}()
	c.t.Cleanup(func() {
		_ = started.cmd.Process.Kill() // it has usually ended
		<-started.ended
		if c.t.Failed() {
			c.t.Logf("%s, %s:\n%s", p.name, container.Name, started)
		}
	})
	return started
}

// mount creates the files of a volume.
func (c *cluster) mount(p *pod, volume, at string, mapped *strings.Replacer) {
	c.t.Helper()
	if err := os.MkdirAll(at, 0o755); err != nil {
		c.t.Fatal(err)
	}
	i := slices.IndexFunc(p.spec.Volumes, func(v core.Volume) bool { return v.Name == volume })
	if i < 0 {
		c.t.Fatalf("pod %s has no volume %s", p.name, volume)
	}
	switch v := p.spec.Volumes[i]; {
	case v.ConfigMap != nil:
		m := c.r.configs[v.ConfigMap.Name]
		if m == nil {
			c.t.Fatalf("the ConfigMap %s is missing", v.ConfigMap.Name)
		}
		files := map[string]string{}
		for name, text := range m.Data {
			files[name] = c.located(p, mapped.Replace(text))
			if err := os.Symlink("..data/"+name, filepath.Join(at, name)); err != nil {
				c.t.Fatal(err)
			}
		}
		c.update(at, "..1", files)
	case v.Secret != nil:
		p.token = strings.TrimSpace(c.secret(v.Secret.SecretName)["token"])
		for name, text := range c.secret(v.Secret.SecretName) {
			c.write(filepath.Join(at, name), text)
		}
	case v.EmptyDir == nil:
		c.t.Fatalf("volume %s is of a kind that is not expected", volume)
	}
}

// update changes the files of a ConfigMap as kubelet does: they are links through ..data, which is
// replaced.
func (c *cluster) update(at, folder string, files map[string]string) {
	c.t.Helper()
	if err := os.Mkdir(filepath.Join(at, folder), 0o755); err != nil {
		c.t.Fatal(err)
	}
	for name, text := range files {
		c.write(filepath.Join(at, folder, name), text)
	}
	link := filepath.Join(at, "..data_tmp")
	if err := errors.Join(os.Symlink(folder, link), os.Rename(link, filepath.Join(at, "..data"))); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) write(file, text string) {
	c.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// secret returns a Secret of the recipe, or one that its user creates.
func (c *cluster) secret(name string) map[string]string {
	c.t.Helper()
	if s := c.r.secrets[name]; s != nil {
		all := map[string]string{}
		for key, value := range s.Data {
			all[key] = string(value)
		}
		for key, value := range s.StringData {
			all[key] = value
		}
		return all
	}
	if c.secrets[name] == nil {
		c.t.Fatalf("the Secret %s is missing", name)
	}
	return c.secrets[name]
}

// value returns the value of a variable.
func (c *cluster) value(p *pod, e *core.EnvVar) string {
	c.t.Helper()
	switch from := e.ValueFrom; {
	case from == nil:
		return e.Value
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
		return p.name
	case from.SecretKeyRef != nil:
		return c.secret(from.SecretKeyRef.Name)[from.SecretKeyRef.Key]
	}
	c.t.Fatalf("the variable %s has a value that is not expected", e.Name)
	return ""
}

// located returns a text with the addresses of the pod and of the Services in it.
func (c *cluster) located(p *pod, text string) string {
	words := []string{"0.0.0.0", p.ip, "127.0.0.1", p.ip}
	for name := range c.r.services {
		if at := c.resolve(name); at != "" {
			words = append(words, "http://"+name+":80", "http://"+at, "http://"+name+"/", "http://"+at+"/")
		}
	}
	return strings.NewReplacer(words...).Replace(text)
}

// resolve returns the address of a pod that a Service selects, or "".
func (c *cluster) resolve(service string) string {
	spec := c.r.services[service].Spec
	for _, p := range slices.Backward(c.pods) {
		if labels.SelectorFromSet(spec.Selector).Matches(labels.Set(p.labels)) {
			if port, ok := namedPort(p.spec, spec.Ports[0].TargetPort.String()); ok {
				return net.JoinHostPort(p.ip, strconv.Itoa(port))
			}
		}
	}
	return ""
}

// probe waits until a probe succeeds, as kubelet does.
func (c *cluster) probe(p *pod, container *core.Container, probe *core.Probe) {
	c.t.Helper()
	if probe == nil {
		return
	}
	name := ""
	if probe.HTTPGet != nil {
		name = probe.HTTPGet.Port.String()
	} else {
		name = probe.TCPSocket.Port.String()
	}
	port, ok := portsOf(container)[name]
	if !ok {
		c.t.Fatalf("%s, %s: a probe names the port %s", p.name, container.Name, name)
	}
	at := net.JoinHostPort(p.ip, strconv.Itoa(port))
	within(c.t, p.name+", "+container.Name+": a probe succeeds", func() bool {
		if probe.TCPSocket != nil {
			conn, err := net.Dial("tcp", at)
			if err == nil {
				conn.Close()
			}
			return err == nil
		}
		status, _ := ask(c.t, "http://"+at+probe.HTTPGet.Path, "")
		return status == http.StatusOK
	}, p.processes[container.Name])
}

// within waits until a state is reached. It ends early if one of the processes has ended.
func within(t *testing.T, what string, reached func() bool, needed ...*process) {
	t.Helper()
	deadline, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !reached() {
		for _, p := range needed {
			select {
			case <-p.ended:
				t.Fatalf("%s: the process has ended: %s", what, p)
			default:
			}
		}
		select {
		case <-deadline.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// ask sends a request and returns the status and the body; status 0 if there was no response.
func ask(t *testing.T, url, bearer string) (status int, body string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		q.Header.Set("Authorization", "Bearer "+bearer)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	p, err := client.Do(q)
	if err != nil {
		return 0, ""
	}
	defer p.Body.Close()
	text, err := io.ReadAll(p.Body)
	if err != nil {
		return 0, ""
	}
	return p.StatusCode, string(text)
}

// asJSON reads a path of the API of a pod.
func (p *pod) asJSON(t *testing.T, path string, into any) {
	t.Helper()
	status, body := ask(t, "http://"+net.JoinHostPort(p.ip, "9426")+path, p.token)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%s: %v: %s", path, err, body)
	}
}

// listening returns the ports at which a process listens.
func (p *process) listening(t *testing.T) (all []int) {
	t.Helper()
	sockets := map[string]bool{}
	folder := fmt.Sprintf("/proc/%d/fd/", p.cmd.Process.Pid)
	open, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range open {
		to, _ := os.Readlink(folder + each.Name())
		sockets[to] = true
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" || !sockets["socket:["+f[9]+"]"] {
				continue
			}
			_, hex, _ := strings.Cut(f[1], ":")
			port, err := strconv.ParseInt(hex, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, int(port))
		}
	}
	slices.Sort(all)
	return all
}

// stop ends a container as kubelet does: SIGTERM, and SIGKILL after the grace period. It returns the
// exit status.
func (p *process) stop(t *testing.T, grace time.Duration) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(grace):
		t.Errorf("it is killed after %v:\n%s", grace, p)
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.ended
	}
	return p.cmd.ProcessState.ExitCode()
}
