package recipes

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	core "k8s.io/api/core/v1"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// server is the PostgreSQL server of all tests, started by the first that needs it.
var server struct {
	once      sync.Once
	dir, port string
	err       error
	databases atomic.Int32
}

// postgres creates a database, and the Secret with its URL, if the recipe needs them.
func (c *cluster) postgres() {
	c.t.Helper()
	if !c.r.shares(c.t) {
		return
	}
	server.once.Do(func() { server.err = startPostgres() })
	if server.err != nil {
		c.t.Fatalf("PostgreSQL: %v", server.err)
	}
	name := fmt.Sprintf("interlock%d", server.databases.Add(1))
	if err := asPostgres("createdb", "-h", "127.0.0.1", "-p", server.port, "-U", "interlock", name); err != nil {
		c.t.Fatal(err)
	}
	store := url.URL{Scheme: "postgres", User: url.User("interlock"), Host: net.JoinHostPort("127.0.0.1", server.port), Path: name, RawQuery: "sslmode=disable"}
	c.secrets["interlock-store"] = map[string]string{"url": store.String()}
}

func startPostgres() (err error) {
	if server.dir, err = os.MkdirTemp("", "interlock-postgres-"); err != nil {
		return err
	}
	if u := postgresUser(); u != nil {
		if err := os.Chown(server.dir, int(u.Uid), int(u.Gid)); err != nil {
			return err
		}
	}
	if err := asPostgres("initdb", "-D", server.dir+"/cluster", "-U", "interlock", "-A", "trust", "-N", "-E", "UTF8", "--locale", "C"); err != nil {
		return err
	}
	return ports.Use(func(addr string) error {
		_, server.port, _ = net.SplitHostPort(addr)
		options := "-p " + server.port + " -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
		return asPostgres("pg_ctl", "-D", server.dir+"/cluster", "-l", server.dir+"/log", "-w", "-t", "60", "-o", options, "start")
	})
}

func stopPostgres() {
	if server.port != "" {
		if err := asPostgres("pg_ctl", "-D", server.dir+"/cluster", "-w", "-m", "immediate", "stop"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.RemoveAll(server.dir)
}

// postgresUser returns the user to run PostgreSQL as; nil: the same one. It refuses to run as root.
func postgresUser() *syscall.Credential {
	u, err := user.Lookup("postgres")
	if os.Getuid() != 0 || err != nil {
		return nil
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// asPostgres runs a program of PostgreSQL.
func asPostgres(name string, args ...string) error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return fmt.Errorf("%s is missing: apt-get install postgresql", name)
	}
	slices.Sort(found)
	out, err := os.CreateTemp("", "interlock-postgres-") // the server that is started keeps it open
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.Command(found[len(found)-1], args...)
	cmd.Dir, cmd.SysProcAttr = server.dir, &syscall.SysProcAttr{Credential: postgresUser()}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		log, _ := os.ReadFile(server.dir + "/log")
		return fmt.Errorf("%s: %w: %s%s", name, err, text, log)
	}
	return nil
}

// shares reports whether the pods of a recipe share a store.
func (r *rendered) shares(t *testing.T) bool {
	t.Helper()
	_, c := r.proxy(t)
	return slices.ContainsFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "INTERLOCK_STORE" })
}

// TestReplicasShareAStore runs two pods with one database. Each shows what the other one has found,
// and the sums are exact after one of them was replaced.
func TestReplicasShareAStore(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		d, container := r.proxy(t)
		if !r.shares(t) {
			if got := *d.Spec.Replicas; got != 1 && len(d.Spec.Template.Spec.InitContainers) == 0 {
				t.Errorf("%d pods have a store each", got)
			}
			return
		}
		if *d.Spec.Replicas < 2 {
			t.Errorf("%d replicas", *d.Spec.Replicas)
		}
		c := newCluster(t, r)
		c.postgres()
		a := c.up()
		b := c.run(d.Name+"-1", &d.Spec.Template)
		sent := 0
		send := func(to *pod, n int) {
			for range n {
				at := net.JoinHostPort(to.ip, "8426")
				if _, status := dial(t, at, "POST"); status != 405 {
					t.Fatalf("POST got status %d", status)
				}
				sent++
			}
		}
		agree := func(pods ...*pod) {
			for _, each := range pods {
				within(t, fmt.Sprintf("%s shows %d findings", each.name, sent), func() bool { return each.count(t, "UPGRADE-POST") == sent }, each.processes[container.Name])
			}
		}
		send(a, 3)
		agree(b)
		send(b, 4)
		agree(a, b)
		send(a, 5)
		if status := a.processes[container.Name].stop(t, grace(a.spec)-sleepOf(container)); status != 0 {
			t.Errorf("%s ended with status %d", a.name, status)
		}
		agree(b)
		next := c.run(d.Name+"-2", &d.Spec.Template)
		send(next, 2)
		agree(next, b)
		c.probeOnce(b)
	})
}

// TestTrafficDoesNotWaitForTheDatabase runs a pod whose database does not answer. It is ready, and
// says what it lacks.
func TestTrafficDoesNotWaitForTheDatabase(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		if !r.shares(t) {
			return
		}
		closed, err := ports.Free(1)
		if err != nil {
			t.Fatal(err)
		}
		c := newCluster(t, r)
		c.secrets["interlock-store"] = map[string]string{"url": "postgres://interlock@" + closed[0] + "/interlock"}
		p := c.up()
		if _, status := dial(t, c.resolve("chat"), "GET"); status != http.StatusSwitchingProtocols {
			t.Errorf("a handshake got the status %d", status)
		}
		within(t, "/readyz says that the store does not answer", func() bool {
			status, body := ask(t, "http://"+net.JoinHostPort(p.ip, "9427")+"/readyz", "")
			return status == http.StatusServiceUnavailable && strings.Contains(body, `"part":"store"`)
		})
		_, container := r.proxy(t)
		c.probe(p, container, container.ReadinessProbe)
	})
}

// count returns how often a rule was broken in live traffic, as a pod shows it.
func (p *pod) count(t *testing.T, rule string) (all int) {
	t.Helper()
	var shown struct{ Findings []struct{ Count int } }
	p.asJSON(t, "/api/v1/findings?q=is:live+rule:"+rule, &shown)
	for _, f := range shown.Findings {
		all += f.Count
	}
	return all
}

// probeOnce runs the Job of the recipe with one probe. Its run is shown by a pod of Interlock.
func (c *cluster) probeOnce(shows *pod) {
	c.t.Helper()
	job := c.r.cronJobs["interlock-probe"]
	if job == nil || job.Spec.Suspend == nil || !*job.Spec.Suspend {
		c.t.Fatal("the CronJob interlock-probe is missing, or not suspended")
	}
	template := job.Spec.JobTemplate.Spec.Template.DeepCopy()
	template.Spec.Containers[0].Args = append(template.Spec.Containers[0].Args, "--only=UPGRADE-POST")
	p := c.run("probe", template)
	running := p.processes[template.Spec.Containers[0].Name]
	within(c.t, "the Job ends", func() bool {
		select {
		case <-running.ended:
			return true
		default:
			return false
		}
	})
	var runs struct{ Runs []struct{ Command string } }
	shows.asJSON(c.t, "/api/v1/runs", &runs)
	if status := running.cmd.ProcessState.ExitCode(); status != 0 || len(runs.Runs) != 1 || runs.Runs[0].Command != "probe" {
		c.t.Errorf("the Job ended with status %d, and the runs are %+v:\n%s", status, runs, running)
	}
}
