//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
)

// An action is action.yml.
type action struct {
	Inputs map[string]struct {
		Default  string
		Required bool
	}
	Outputs map[string]struct{ Value string }
	Runs    struct{ Steps []actionStep }
}

// An actionStep is one step of it.
type actionStep struct {
	ID, Name, If, Uses, Shell, Run string
	WorkingDirectory               string `yaml:"working-directory"`
	With, Env                      map[string]string
}

// A runner plays GitHub's runner: it runs the steps of action.yml in order.
type runner struct {
	t       *testing.T
	dir     string            // the workspace
	inputs  map[string]string // that a workflow sets
	context map[string]string // github.*
	env     []string          // more variables of the machine
	outputs map[string]string // of steps, as steps.ID.outputs.NAME
	used    map[string]map[string]string
	log     bytes.Buffer
	summary string // a file
	temp    string
}

func newRunner(t *testing.T, inputs map[string]string) *runner {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, dir: t.TempDir(), temp: t.TempDir(), inputs: inputs, outputs: map[string]string{}, used: map[string]map[string]string{}}
	r.summary = filepath.Join(r.temp, "summary.md")
	r.context = map[string]string{"github.action_path": root, "github.token": "s3cret-token-of-the-job"}
	return r
}

// run runs all steps, and returns the error of the one that fails. A step that uses another action is only
// recorded.
func (r *runner) run() error {
	r.t.Helper()
	text, err := os.ReadFile("../../action.yml")
	var a action
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, &a)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	for name := range r.inputs {
		if _, known := a.Inputs[name]; !known {
			r.t.Fatalf("action.yml has no input %q", name)
		}
	}
	for name, input := range a.Inputs {
		r.context["inputs."+name] = r.expand(input.Default)
		if given, ok := r.inputs[name]; ok {
			r.context["inputs."+name] = given
		} else if input.Required {
			r.t.Fatalf("the input %s is required", name)
		}
	}
	for _, step := range a.Runs.Steps {
		if !r.applies(step.If) {
			continue
		}
		if step.Uses != "" {
			if !regexp.MustCompile(`^[\w/-]+@[0-9a-f]{40}$`).MatchString(step.Uses) {
				r.t.Errorf("%s is not pinned to a commit", step.Uses)
			}
			with := map[string]string{}
			for name, value := range step.With {
				with[name] = r.expand(value)
			}
			r.used[strings.Split(step.Uses, "@")[0]] = with
			continue
		}
		if err := r.step(&step); err != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
	}
	for name, output := range a.Outputs {
		r.outputs[name] = r.expand(output.Value)
	}
	return nil
}

func (r *runner) step(s *actionStep) error {
	if s.Shell != "bash" {
		r.t.Fatalf("%s: a step of a composite action names its shell", s.Name)
	}
	output := filepath.Join(r.temp, "output")
	os.Remove(output)
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", r.expand(s.Run))
	cmd.Dir = filepath.Join(r.dir, r.expand(s.WorkingDirectory))
	cmd.Env = append(os.Environ(), "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+r.summary, "RUNNER_TEMP="+r.temp, "GITHUB_SHA=0123abcd",
		"GITHUB_ACTION_PATH="+r.context["github.action_path"], "GITHUB_REPOSITORY=owner/app", "GITHUB_SERVER_URL=https://github.invalid")
	cmd.Env = append(cmd.Env, r.env...)
	for name, value := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+r.expand(value))
	}
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	err := cmd.Run()
	text, _ := os.ReadFile(output) // a step may have none
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		r.outputs["steps."+s.ID+".outputs."+name] = value
	}
	return err
}

// expand replaces expressions by their values.
func (r *runner) expand(text string) string {
	return regexp.MustCompile(`\$\{\{ (.*?) \}\}`).ReplaceAllStringFunc(text, func(e string) string { return r.value(e[4 : len(e)-3]) })
}

// value is the value of a name. One that does not exist is empty, as it is for GitHub.
func (r *runner) value(name string) string {
	if value, ok := r.context[name]; ok {
		return value
	}
	return r.outputs[name]
}

// applies evaluates the condition of a step: comparisons of a name with a text, all of which must hold.
func (r *runner) applies(condition string) bool {
	if condition == "" {
		return true
	}
	for each := range strings.SplitSeq(condition, " && ") {
		m := regexp.MustCompile(`^([\w.-]+) ([!=]=) '(.*)'$`).FindStringSubmatch(each)
		if m == nil {
			r.t.Fatalf("the runner of this test does not know the condition %q", each)
		}
		if (r.value(m[1]) == m[3]) != (m[2] == "==") {
			return false
		}
	}
	return true
}

// A pullRequest is GitHub's API for the comments of a pull request.
type pullRequest struct {
	*httptest.Server
	mu       sync.Mutex
	comments []map[string]any
	calls    []string
	readOnly bool
}

func newPullRequest(t *testing.T) *pullRequest {
	p := new(pullRequest)
	for i := range 100 { // one page is full of others
		p.comments = append(p.comments, map[string]any{"id": i, "body": "looks good"})
	}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *pullRequest) serve(w http.ResponseWriter, q *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, q.Method+" "+q.URL.Path)
	var sent map[string]any
	if q.Method != http.MethodGet {
		if err := json.NewDecoder(q.Body).Decode(&sent); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	one := regexp.MustCompile(`^/repos/owner/app/issues/comments/(\d+)$`).FindStringSubmatch(q.URL.Path)
	switch {
	case q.Header.Get("Authorization") != "Bearer s3cret-token-of-the-job", p.readOnly && q.Method != http.MethodGet:
		http.Error(w, `{"message":"Resource not accessible by integration"}`, http.StatusForbidden)
	case q.Method == http.MethodPatch && one != nil:
		for _, c := range p.comments {
			if fmt.Sprint(c["id"]) == one[1] {
				c["body"] = sent["body"]
			}
		}
		io.WriteString(w, "{}")
	case q.URL.Path != "/repos/owner/app/issues/7/comments":
		http.NotFound(w, q)
	case q.Method == http.MethodPost:
		p.comments = append(p.comments, map[string]any{"id": len(p.comments), "body": sent["body"]})
		w.WriteHeader(http.StatusCreated)
	default:
		all := p.comments[:min(len(p.comments), 100)]
		if q.URL.Query().Get("page") != "1" {
			all = p.comments[min(len(p.comments), 100):]
		}
		json.NewEncoder(w).Encode(all)
	}
}

// oneHandshake is a test suite: one WebSocket handshake through the proxy.
const oneHandshake = `test "$EXTRA" = "ws://${INTERLOCK_URL#http://}/x" && curl -s -o response --max-time 2 -H 'Connection: Upgrade' -H 'Upgrade: websocket' ` +
	`-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "$INTERLOCK_URL/chat" || test $? = 28`

// TestTheActionForGitHub runs the steps of action.yml against a backend that is not safe, twice, and one that
// is.
func TestTheActionForGitHub(t *testing.T) {
	t.Parallel()
	program(t, "jq", "jq")
	p := newPullRequest(t)
	inputs := map[string]string{
		"backend": "http://" + labServer(t, "unsound"), "run": oneHandshake, "binary": program(t, "interlock", "interlock"),
		"env": "EXTRA=ws://{addr}/x\n", "args": "--store\nmemory", "comment": "true",
	}
	for _, call := range []string{"POST /repos/owner/app/issues/7/comments", "PATCH /repos/owner/app/issues/comments/100"} {
		r := newRunner(t, inputs)
		r.context["github.event.pull_request.number"] = "7"
		r.env = []string{"GITHUB_API_URL=" + p.URL}
		err := r.run()
		if err == nil || !strings.HasPrefix(err.Error(), "Result: exit status 1") {
			t.Fatalf("%v\n%s", err, &r.log)
		}
		with := r.used["github/codeql-action/upload-sarif"]
		if sarif, err := os.ReadFile(with["sarif_file"]); err != nil || !bytes.Contains(sarif, []byte("UPGRADE-POST")) || with["category"] != "interlock" {
			t.Errorf("%v: %v, %.200s", with, err, sarif)
		}
		for path := range strings.FieldsSeq(r.used["actions/upload-artifact"]["path"]) {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("the artifact has no %s: %v", path, err)
			}
		}
		if summary, err := os.ReadFile(r.summary); err != nil || !strings.Contains(string(summary), "UPGRADE-POST") {
			t.Errorf("%v, %.200s", err, summary)
		}
		if got := p.calls[len(p.calls)-1]; got != call {
			t.Errorf("the last call was %s, want %s", got, call)
		}
		if _, setUp := r.used["actions/setup-go"]; setUp {
			t.Error("Go is installed although nothing is built")
		}
		if strings.Contains(r.log.String(), "s3cret") {
			t.Error("the token is in the log")
		}
	}
	if n := len(p.comments); n != 101 || !strings.HasPrefix(fmt.Sprint(p.comments[100]["body"]), "<!-- interlock: interlock -->\n") {
		t.Errorf("got %d comments, %.200s", n, p.comments[n-1]["body"])
	}

	p.readOnly = true
	inputs["backend"] = "http://" + labServer(t, "sound")
	r := newRunner(t, inputs)
	r.context["github.event.pull_request.number"] = "7"
	r.env = []string{"GITHUB_API_URL=" + p.URL}
	if err := r.run(); err != nil || r.outputs["status"] != "0" || r.outputs["json"] == "" {
		t.Errorf("%v, %v\n%s", err, r.outputs, &r.log)
	}
	if !strings.Contains(r.log.String(), "::warning::Interlock cannot comment on this pull request") {
		t.Errorf("got %s", &r.log)
	}
}

// TestTheActionInstalls builds Interlock from the checkout of the action, and downloads a release, which must
// have the checksum that the release says.
func TestTheActionInstalls(t *testing.T) {
	t.Parallel()
	backend := "http://" + labServer(t, "sound")
	with := func(more ...string) map[string]string {
		inputs := map[string]string{"backend": backend, "run": "true", "args": "--allow-no-traffic\n--store\nmemory", "probe": "false"}
		for i := 0; i < len(more); i += 2 {
			inputs[more[i]] = more[i+1]
		}
		return inputs
	}
	r := newRunner(t, with())
	if err := r.run(); err != nil || r.used["actions/setup-go"]["go-version-file"] != r.context["github.action_path"]+"/go.mod" {
		t.Errorf("build: %v, %v\n%s", err, r.used, &r.log)
	}

	name := "interlock_0.1.0_linux_" + runtime.GOARCH
	archive := archived(t, name+"/interlock", program(t, "interlock", "interlock"))
	sums := fmt.Sprintf("%x  %s.tar.gz\n", sha256.Sum256(archive), name)
	files := http.FileServer(http.Dir(t.TempDir()))
	releases := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/v0.1.0/" + name + ".tar.gz":
			w.Write(archive)
		case "/v0.1.0/SHA256SUMS":
			io.WriteString(w, sums)
		default:
			files.ServeHTTP(w, q)
		}
	}))
	defer releases.Close()
	for release, want := range map[string]string{"0.1.0": "", "v0.1.0": "", "9.9.9": "is that version published?"} {
		r := newRunner(t, with("release", release))
		r.env = []string{"INTERLOCK_RELEASES=" + releases.URL}
		if err := r.run(); (err == nil) != (want == "") || !strings.Contains(r.log.String(), want) {
			t.Errorf("release %s: %v\n%s", release, err, &r.log)
		}
	}
	sums = strings.Replace(sums, sums[:8], "00000000", 1)
	r = newRunner(t, with("release", "0.1.0"))
	r.env = []string{"INTERLOCK_RELEASES=" + releases.URL}
	if err := r.run(); err == nil || !strings.HasPrefix(err.Error(), "Install Interlock: ") {
		t.Errorf("an archive with another checksum is installed: %v\n%s", err, &r.log)
	}
}

// archived is a tar.gz with one file.
func archived(t *testing.T, name, from string) []byte {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	w := tar.NewWriter(z)
	err = w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))})
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTheComponentForGitLab runs the script of the component with its inputs: with an interlock that is there,
// and with one that is built from a repository.
func TestTheComponentForGitLab(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../templates/interlock.yml")
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(text), "\n---\n")
	var spec struct {
		Spec struct {
			Inputs map[string]struct{ Default *string }
		}
	}
	if err := yaml.Unmarshal([]byte(head), &spec); err != nil || !ok {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "source")
	succeed(t, "git", "clone", "--quiet", "../..", source)
	succeed(t, "git", "-C", source, "branch", "--force", "component", "HEAD")
	for name, inputs := range map[string]map[string]string{
		"there": {"backend": "http://" + labServer(t, "unsound"), "run": oneHandshake, "binary": program(t, "interlock", "interlock"), "flags": "--probe --store memory --env EXTRA=ws://{addr}/x"},
		"built": {"backend": "http://" + labServer(t, "sound"), "run": "true", "source": "file://" + source, "version": "component", "flags": "--allow-no-traffic --store memory"},
	} {
		filled := regexp.MustCompile(`\$\[\[ inputs\.([\w-]+) \]\]`).ReplaceAllStringFunc(body, func(e string) string {
			input := strings.TrimSuffix(strings.TrimPrefix(e, "$[[ inputs."), " ]]")
			declared, known := spec.Spec.Inputs[input]
			given, set := inputs[input]
			switch {
			case !known:
				t.Errorf("%s is not declared", input)
			case set:
				return strings.ReplaceAll(given, "\n", " ")
			case declared.Default == nil:
				t.Errorf("%s has no default", input)
			default:
				return *declared.Default
			}
			return ""
		})
		filled = strings.Replace(filled, "INTERLOCK_COMMAND: "+inputs["run"], "INTERLOCK_COMMAND: ''", 1) // GitLab quotes what it fills in
		var jobs map[string]struct {
			Script    []string
			Artifacts struct{ Reports map[string]string }
		}
		if err := yaml.Unmarshal([]byte(filled), &jobs); err != nil {
			t.Fatalf("%v\n%s", err, filled)
		}
		job := jobs["interlock"]
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(job.Script, "\n"))
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "INTERLOCK_BINARY="+inputs["binary"], "INTERLOCK_COMMAND="+inputs["run"], "CI_COMMIT_SHA=0123abcd")
		output, err := cmd.CombinedOutput()
		if want := map[string]int{"there": 1, "built": 0}[name]; cmd.ProcessState.ExitCode() != want {
			t.Fatalf("%s: %v, want status %d\n%s", name, err, want, output)
		}
		for kind, report := range job.Artifacts.Reports {
			content, err := os.ReadFile(filepath.Join(cmd.Dir, report))
			if err != nil || name == "there" && !bytes.Contains(content, []byte("UPGRADE-POST")) {
				t.Errorf("%s, %s: %v, %.200s", name, kind, err, content)
			}
		}
	}
}

// TestWorkflowsAreValid lints the project's own workflow, and the example together with action.yml, whose inputs
// it must use.
func TestWorkflowsAreValid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for from, to := range map[string]string{
		"../../.github/workflows/ci.yml": ".github/workflows/ci.yml",
		"../../deploy/ci/github.yml":     ".github/workflows/upgrade.yml",
		"../../action.yml":               "interlock-source/action.yml",
	} {
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	lint := func() result {
		cmd := exec.Command("go", "run", actionlint, "-no-color", filepath.Join(dir, ".github/workflows/ci.yml"), filepath.Join(dir, ".github/workflows/upgrade.yml"))
		output, _ := cmd.CombinedOutput() // the status is looked at
		return result{stdout: string(output), status: cmd.ProcessState.ExitCode()}
	}
	succeed(t, "git", "-C", dir, "init", "--quiet") // that is where local actions are looked for
	if got := lint(); got.status != 0 || got.stdout != "" {
		t.Errorf("status %d\n%s", got.status, got.stdout)
	}
	example := filepath.Join(dir, ".github/workflows/upgrade.yml")
	content, err := os.ReadFile(example)
	if err == nil {
		err = os.WriteFile(example, bytes.Replace(content, []byte("backend:"), []byte("back-end:"), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := lint(); got.status != 1 || !strings.Contains(got.stdout, `input "back-end" is not defined`) {
		t.Errorf("an input that does not exist: status %d\n%s", got.status, got.stdout)
	}
}

// actionlint is the linter of workflows.
const actionlint = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
