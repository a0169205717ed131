//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

const manifests = "../../deploy/kubernetes/chain"

// A deployment is what deploy/kubernetes/chain has, one of each kind.
type deployment struct {
	namespace core.Namespace
	service   core.Service
	job       batch.Job
	ingress   networking.Ingress
	gateway   gateway.Gateway
	route     gateway.HTTPRoute
}

// read reads the documents of a manifest. A field that the API does not have is an error, and so is
// one that stands twice.
func (d *deployment) read(text []byte) error {
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return err
		}
		into, known := map[string]any{
			"v1 Namespace": &d.namespace, "v1 Service": &d.service, "batch/v1 Job": &d.job, "networking.k8s.io/v1 Ingress": &d.ingress,
			"gateway.networking.k8s.io/v1 Gateway": &d.gateway, "gateway.networking.k8s.io/v1 HTTPRoute": &d.route,
		}[kind.APIVersion+" "+kind.Kind]
		if !known {
			return fmt.Errorf("kind %q of %q is not expected", kind.Kind, kind.APIVersion)
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			return fmt.Errorf("%s: %w", kind.Kind, err)
		}
	}
	return nil
}

func readDeployment(t *testing.T) (d deployment) {
	t.Helper()
	for _, name := range []string{"namespace", "job", "ingress", "gateway"} {
		text, err := os.ReadFile(filepath.Join(manifests, name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.read(text); err != nil {
			t.Errorf("%s.yaml: %v", name, err)
		}
	}
	return d
}

// TestMisspeltManifestsAreFound checks that the check of the manifests can fail.
func TestMisspeltManifestsAreFound(t *testing.T) {
	for name, fields := range map[string][]string{
		"namespace": {"labels", "selector", "targetPort", "appProtocol"},
		"job":       {"backoffLimit", "restartPolicy", "readOnlyRootFilesystem", "containerPort", "configMapKeyRef"},
		"ingress":   {"ingressClassName", "pathType", "backend"},
		"gateway":   {"gatewayClassName", "protocol", "parentRefs", "hostnames", "backendRefs"},
	} {
		text, err := os.ReadFile(filepath.Join(manifests, name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range fields {
			wrong := bytes.Replace(text, []byte(field+":"), []byte(field+"s:"), 1)
			if bytes.Equal(wrong, text) {
				t.Errorf("%s.yaml has no field %s", name, field)
			} else if err := new(deployment).read(wrong); err == nil || !strings.Contains(err.Error(), "unknown field") {
				t.Errorf("%s.yaml with a field %ss: got %v, want an error", name, field, err)
			}
		}
	}
}

// TestManifestsAgree checks that the names and ports in the manifests fit together: from the gateway
// through the Service to the port that the command in the Job listens at.
func TestManifestsAgree(t *testing.T) {
	d := readDeployment(t)
	if t.Failed() {
		return
	}
	same := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	for _, namespace := range []string{d.service.Namespace, d.job.Namespace, d.ingress.Namespace, d.gateway.Namespace, d.route.Namespace} {
		same("namespace", namespace, d.namespace.Name)
	}
	pod := d.job.Spec.Template
	for key, value := range d.service.Spec.Selector {
		same("label "+key+" of the pod", pod.Labels[key], value)
	}
	same("number of labels that the Service selects by", len(d.service.Spec.Selector), 1)
	port, container := d.service.Spec.Ports[0], pod.Spec.Containers[0]
	same("name of the port of the pod", container.Ports[0].Name, port.TargetPort.StrVal)
	_, listens, err := net.SplitHostPort(flagOf(container.Args, "listen"))
	same("port of --listen", listens, fmt.Sprint(container.Ports[0].ContainerPort))
	same("error of --listen", err, nil)

	rule := d.ingress.Spec.Rules[0]
	backend := rule.HTTP.Paths[0].Backend.Service
	same("Service of the Ingress", backend.Name, d.service.Name)
	same("port of the Ingress", backend.Port.Name, port.Name)
	ref := d.route.Spec.Rules[0].BackendRefs[0]
	same("Service of the HTTPRoute", string(ref.Name), d.service.Name)
	same("port of the HTTPRoute", *ref.Port, port.Port)
	same("Gateway of the HTTPRoute", string(d.route.Spec.ParentRefs[0].Name), d.gateway.Name)
	same("listener of the HTTPRoute", *d.route.Spec.ParentRefs[0].SectionName, d.gateway.Spec.Listeners[0].Name)
	same("host of both", string(d.route.Spec.Hostnames[0]), rule.Host)

	page, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range container.Env {
		from := e.ValueFrom.ConfigMapKeyRef
		if !strings.Contains(string(page), "configmap "+from.Name+" ") || !strings.Contains(string(page), "--from-literal="+from.Key+"=") {
			t.Errorf("the page does not make a ConfigMap %s with %s", from.Name, from.Key)
		}
	}
	if !strings.Contains(string(page), "--from-literal=host="+rule.Host) {
		t.Errorf("the page does not name the host %s", rule.Host)
	}
	compose, err := os.ReadFile("../../docker-compose.yml")
	if err != nil || !strings.Contains(string(compose), "image: "+container.Image+"\n") || !strings.Contains(string(page), "docker build -t "+container.Image+" ") {
		t.Errorf("%v: the image %s is not that of docker-compose.yml and of the page", err, container.Image)
	}
}

// TestTheJobNeedsNoPrivilege checks what the Pod Security Standard "restricted" asks for, which the
// namespace enforces, and a root file system that cannot be written to.
func TestTheJobNeedsNoPrivilege(t *testing.T) {
	d := readDeployment(t)
	if t.Failed() {
		return
	}
	if got := d.namespace.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace enforces %q", got)
	}
	spec := d.job.Spec.Template.Spec
	p, c := spec.SecurityContext, spec.Containers[0].SecurityContext
	for what, right := range map[string]bool{
		"runAsNonRoot":                 *p.RunAsNonRoot,
		"runAsUser":                    *p.RunAsUser == 65532, // USER of the Dockerfile
		"seccompProfile":               p.SeccompProfile.Type == core.SeccompProfileTypeRuntimeDefault,
		"allowPrivilegeEscalation":     !*c.AllowPrivilegeEscalation,
		"readOnlyRootFilesystem":       *c.ReadOnlyRootFilesystem,
		"capabilities":                 slices.Equal(c.Capabilities.Drop, []core.Capability{"ALL"}) && len(c.Capabilities.Add) == 0,
		"privileged":                   c.Privileged == nil,
		"automountServiceAccountToken": !*spec.AutomountServiceAccountToken,
		"host namespaces and volumes":  !spec.HostNetwork && !spec.HostPID && !spec.HostIPC && len(spec.Volumes) == 0,
		"one container":                len(spec.Containers) == 1 && len(spec.InitContainers) == 0,
	} {
		if !right {
			t.Errorf("%s is wrong", what)
		}
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil || !strings.Contains(string(dockerfile), "USER 65532:65532") {
		t.Errorf("%v: the Dockerfile has another user", err)
	}
}

// TestTheCommandOfTheJobRuns runs the command line of the Job, with the controls only, through nginx.
func TestTheCommandOfTheJobRuns(t *testing.T) {
	t.Parallel()
	d := readDeployment(t)
	if t.Failed() {
		return
	}
	sink, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	hop := nginx(t, "", fmt.Sprintf(recipe, sink[0], ""))
	_, port, _ := net.SplitHostPort(sink[0])
	values := map[string]string{"VIA": "http://" + hop, "HOST": d.ingress.Spec.Rules[0].Host}
	container := d.job.Spec.Template.Spec.Containers[0]
	var names []string
	for _, e := range container.Env {
		names = append(names, e.Name)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(values)), slices.Sorted(slices.Values(names))) {
		t.Fatalf("the Job has the variables %q", names)
	}
	args := []string{"--only=CTRL-*"}
	for _, arg := range container.Args {
		for name, value := range values {
			arg = strings.ReplaceAll(arg, "$("+name+")", value)
		}
		if strings.Contains(arg, "$(") {
			t.Errorf("%s names a variable that the Job does not have", arg)
		}
		args = append(args, strings.Replace(arg, ":9555", ":"+port, 1))
	}
	slices.Reverse(args[:2]) // the command goes first
	r := run(t, "interlock", args...)
	var report struct { // the page reads these
		Hops []struct {
			Tunnels bool
			Results []struct {
				Probe, Verdict string
				Faults         []struct{ Severity, Rule, Detail string }
			}
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || len(report.Hops) != 1 || r.status != 0 {
		t.Fatalf("status %d, %v: %s%s", r.status, err, r.stdout, r.stderr)
	}
	if !report.Hops[0].Tunnels || !strings.Contains(r.stdout, `\\r\\nHost: `+values["HOST"]+`\\r\\n`) {
		t.Errorf("no tunnel, or another host:\n%s", r.stdout)
	}
	faults := 0
	for _, result := range report.Hops[0].Results {
		for _, f := range result.Faults {
			if faults++; result.Probe == "" || result.Verdict == "" || f.Severity == "" || f.Rule == "" || f.Detail == "" {
				t.Errorf("got %+v of %q, want no empty value", f, result.Probe)
			}
		}
	}
	if faults == 0 {
		t.Error("nginx sends Connection: upgrade with every request, and no fault is in the report")
	}
}

// flagOf returns the value of a flag in a list of arguments; "" if it is not there.
func flagOf(args []string, name string) string {
	for _, arg := range args {
		if value, found := strings.CutPrefix(arg, "--"+name+"="); found {
			return value
		}
	}
	return ""
}
