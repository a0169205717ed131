//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A played is a Compose file whose services run on this machine, without containers: the commands,
// variables and files are those of the Compose file, with the addresses of services and the paths
// inside containers replaced.
type played struct {
	t       *testing.T
	project *types.Project
	dir     string            // a folder with the root of each container
	ports   map[string]string // from the ports inside containers to those in use
}

// play prepares the folder of a Compose file as docs/compose.md says, and reads the file. Unknown keys
// are errors.
func play(t *testing.T, name string, inner ...string) *played {
	t.Helper()
	p := &played{t: t, ports: map[string]string{}}
	var err error
	if p.dir, err = os.MkdirTemp("", "interlock-compose-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(p.dir) })
	dir := filepath.Join(p.dir, "deploy", "compose", name)
	err = errors.Join(os.Chmod(p.dir, 0o755), os.CopyFS(filepath.Join(p.dir, "configs"), os.DirFS("../../configs")),
		os.CopyFS(dir, os.DirFS("../../deploy/compose/"+name)))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range printed(t, "compose.md", "sh", "TestComposeFiles") {
		if !strings.HasPrefix(block, "cd deploy/compose/"+name+"\n") {
			continue
		}
		for _, line := range commandsOf(block) {
			if !strings.HasPrefix(line, "cd ") && !strings.HasPrefix(line, "docker ") {
				succeed(t, "bash", "-ec", "cd "+dir+"; "+line)
			}
		}
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "compose.yaml")}, cli.WithEnvFiles(), cli.WithDotEnv)
	if err != nil {
		t.Fatal(err)
	}
	if p.project, err = options.LoadProject(t.Context()); err != nil {
		t.Fatal(err)
	}
	free, err := ports.Free(len(inner))
	if err != nil {
		t.Fatal(err)
	}
	for i, port := range inner {
		_, p.ports[port], _ = net.SplitHostPort(free[i])
	}
	return p
}

// addr is the address of a port inside the containers.
func (p *played) addr(port string) string { return net.JoinHostPort("127.0.0.1", p.ports[port]) }

// root is the folder of a container's files.
func (p *played) root(service string) string { return filepath.Join(p.dir, "containers", service) }

var inNetwork = regexp.MustCompile(`\b(app|db|prometheus|127\.0\.0\.1|0\.0\.0\.0):(\d+)\b|--port=(\d+)`)

// here replaces addresses.
func (p *played) here(text string) string {
	return inNetwork.ReplaceAllStringFunc(text, func(address string) string {
		if port, ok := strings.CutPrefix(address, "--port="); ok {
			return "--port=" + p.ports[port]
		}
		_, port, _ := net.SplitHostPort(address)
		return p.addr(port)
	})
}

// mounts creates what is mounted into a container, and returns the paths there.
func (p *played) mounts(s types.ServiceConfig) (targets []string) {
	p.t.Helper()
	from := map[string]string{}
	for _, v := range s.Volumes {
		from[v.Target] = ""
		if v.Type == types.VolumeTypeBind {
			from[v.Target] = v.Source
		} else if _, ok := p.project.Volumes[v.Source]; !ok {
			p.t.Errorf("%s: the volume %s is not declared", s.Name, v.Source)
		}
	}
	for _, secret := range s.Secrets {
		from["/run/secrets/"+secret.Source] = p.project.Secrets[secret.Source].File
	}
	for target, source := range from {
		to := filepath.Join(p.root(s.Name), target)
		err := os.MkdirAll(filepath.Dir(to), 0o755)
		switch {
		case err != nil:
		case source == "":
			err = os.MkdirAll(to, 0o755)
		default:
			text := p.here(content(p.t, filepath.Dir(source), filepath.Base(source)))
			err = os.WriteFile(to, []byte(strings.ReplaceAll(text, ": 15s\n", ": 1s\n")), 0o644) // scrapes and evaluations
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return slices.SortedFunc(maps.Keys(from), func(a, b string) int { return len(b) - len(a) })
}

// command returns words of a service as a command on this machine, with its variables.
func (p *played) command(service string, words ...string) *exec.Cmd {
	p.t.Helper()
	s, err := p.project.GetService(service)
	if err != nil {
		p.t.Fatal(err)
	}
	targets := p.mounts(s)
	local := func(text string) string {
		for _, target := range targets {
			if at := strings.Index(text, target); at >= 0 && (at == 0 || text[at-1] == '=') {
				text = text[:at] + p.root(service) + text[at:]
				break
			}
		}
		return p.here(text)
	}
	cmd := exec.Command(words[0])
	for _, word := range words[1:] {
		cmd.Args = append(cmd.Args, local(word))
	}
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+p.dir)
	for name, value := range s.Environment {
		if value != nil {
			cmd.Env = append(cmd.Env, name+"="+local(*value))
		}
	}
	return cmd
}

// start runs a service, whose image has this entry point, and waits until it is up.
func (p *played) start(service string, up func() bool, entry ...string) *exec.Cmd {
	p.t.Helper()
	cmd := p.command(service, append(entry, p.project.Services[service].Command...)...)
	p.run(service, cmd, up)
	return cmd
}

func (p *played) run(service string, cmd *exec.Cmd, up func() bool) {
	p.t.Helper()
	log := filepath.Join(p.dir, service+".log")
	out, err := os.Create(log)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	ended, err := begin(p.t, cmd)
	if err == nil {
		err = comesUp(ended, up)
	}
	if err != nil {
		p.t.Fatalf("%s: %q: %v\n%s", service, cmd.Args, err, content(p.t, p.dir, service+".log"))
	}
}

// postgres does what the image of the service db does: it creates the user and the database that the
// variables name, and starts the server. It returns when the health check of the service succeeds.
func (p *played) postgres(service string) {
	p.t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		p.t.Fatal("PostgreSQL is missing: test/e2e/install installs it, or apt-get install postgresql")
	}
	s := p.project.Services[service]
	p.mounts(s)
	data, bin := filepath.Join(p.root(service), s.Volumes[0].Target), filepath.Dir(found[len(found)-1])
	password := filepath.Join(p.dir, "password")
	if err := os.WriteFile(password, []byte(*s.Environment["POSTGRES_PASSWORD"]), 0o644); err != nil {
		p.t.Fatal(err)
	}
	var owner *syscall.SysProcAttr
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		owner = owned(p.t, data)
	}
	initialize := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", *s.Environment["POSTGRES_USER"], "-A", "scram-sha-256", "--pwfile", password, "-N", "-E", "UTF8", "--locale", "C")
	initialize.SysProcAttr, initialize.Dir = owner, "/"
	if out, err := initialize.CombinedOutput(); err != nil {
		p.t.Fatalf("initdb: %v\n%s", err, out)
	}
	create := exec.Command(filepath.Join(bin, "postgres"), "--single", "-D", data, "postgres")
	create.SysProcAttr, create.Dir, create.Stdin = owner, "/", strings.NewReader("CREATE DATABASE "+*s.Environment["POSTGRES_DB"]+"\n")
	if out, err := create.CombinedOutput(); err != nil {
		p.t.Fatalf("create the database: %v\n%s", err, out)
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", p.ports["5432"], "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	server.SysProcAttr, server.Dir = owner, "/"
	check := s.HealthCheck.Test
	if check[0] != "CMD" {
		p.t.Fatalf("the health check is %q", check)
	}
	p.run(service, server, func() bool { return p.command(service, check[1:]...).Run() == nil })
}

// owned gives a folder to the user postgres, and returns the attributes of processes of that user.
func owned(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// listens reports whether a port inside the containers is listened on.
func (p *played) listens(port string) func() bool {
	return func() bool {
		conn, err := net.Dial("tcp", p.addr(port))
		return err == nil && conn.Close() == nil
	}
}

// unsafe sends an upgrade that the backend must reject and accepts.
func (p *played) unsafe() {
	p.t.Helper()
	conn := dial(p.t, p.addr("8426"))
	send(p.t, conn, "POST /chat HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "+freshKey()+"\r\nSec-WebSocket-Version: 13\r\n\r\n")
	expect(p.t, conn, "HTTP/1.1 101 ")
	conn.Close()
}

// query runs psql in the database of the service db.
func (p *played) query(text string) string {
	p.t.Helper()
	s := p.project.Services["db"]
	cmd := exec.Command(program(p.t, "psql", "postgresql-client"), "-At", "-h", "127.0.0.1", "-p", p.ports["5432"], "-U", *s.Environment["POSTGRES_USER"], "-d", *s.Environment["POSTGRES_DB"], "-c", text)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+*s.Environment["POSTGRES_PASSWORD"])
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return fmt.Sprintf("%v: %s", err, &said)
	}
	return strings.TrimSpace(string(out))
}
