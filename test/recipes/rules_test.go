package recipes

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// templates returns the pod templates of all objects, by kind and name.
func (r *rendered) templates() map[string]*core.PodTemplateSpec {
	all := map[string]*core.PodTemplateSpec{}
	for name, d := range r.deployments {
		all["Deployment "+name] = &d.Spec.Template
	}
	for name, c := range r.cronJobs {
		all["CronJob "+name] = &c.Spec.JobTemplate.Spec.Template
	}
	return all
}

// TestPodsNeedNoPrivilege checks all pods against the Pod Security Standard "restricted", and that
// no file system of an image can be written to.
func TestPodsNeedNoPrivilege(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	refused := func(pod *core.PodTemplateSpec) string {
		found := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
		return found.ForbiddenDetail()
	}
	each(t, func(t *testing.T, r *rendered) {
		for name, pod := range r.templates() {
			if said := refused(pod); said != "" {
				t.Errorf("%s: %s", name, said)
			}
			if token := pod.Spec.AutomountServiceAccountToken; token == nil || *token {
				t.Errorf("%s gets a token for the API of Kubernetes", name)
			}
			for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
				if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
					t.Errorf("%s, %s: the file system can be written to", name, c.Name)
				}
				if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
					t.Errorf("%s, %s: resources are missing", name, c.Name)
				}
			}
		}
		d, c := r.proxy(t)
		c.SecurityContext.Capabilities = nil
		if refused(&d.Spec.Template) == "" {
			t.Error("a container that keeps its capabilities is accepted: the check cannot fail")
		}
	})
}

// portsOf returns the ports of a container by name.
func portsOf(c *core.Container) map[string]int {
	all := map[string]int{}
	for _, p := range c.Ports {
		all[p.Name] = int(p.ContainerPort)
	}
	return all
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	port, bad := strconv.Atoi(text)
	if err != nil || bad != nil {
		t.Fatalf("the address %q has no port", address)
	}
	return port
}

// TestPortsAgree checks that the ports of the configuration, the container, the network policy, the
// Services and the annotations are the same.
func TestPortsAgree(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		d, c := r.proxy(t)
		is := r.config(t)
		want := map[string]int{traffic: portOf(t, is.Listen), "admin": portOf(t, is.Admin.Listen), "health": portOf(t, is.Admin.Open)}
		if got := portsOf(c); !maps.Equal(got, want) {
			t.Errorf("the container has the ports %v, the configuration %v", got, want)
		}
		if got := d.Spec.Template.Annotations["prometheus.io/port"]; got != strconv.Itoa(want["health"]) {
			t.Errorf("Prometheus scrapes port %s, want %d", got, want["health"])
		}
		policies := 0
		for name, p := range r.policies {
			if !matches(t, &p.Spec.PodSelector, d.Spec.Template.Labels) {
				continue
			}
			policies++
			if got := ingressPorts(t, p, want); !maps.Equal(got, want) {
				t.Errorf("NetworkPolicy %s: ingress to %v, want %v", name, got, want)
			}
		}
		if policies != 1 {
			t.Errorf("%d network policies select the pods, want 1", policies)
		}
		for name, s := range r.services {
			pods := r.selected(s.Spec.Selector)
			if len(pods) != 1 {
				t.Errorf("Service %s selects %d kinds of pods, want 1", name, len(pods))
			}
			for _, pod := range pods {
				for _, p := range s.Spec.Ports {
					if _, ok := namedPort(&pod.Spec, p.TargetPort.String()); !ok {
						t.Errorf("Service %s: the pods have no port %s", name, p.TargetPort.String())
					}
				}
			}
		}
		for _, name := range is.Admin.Names {
			if s := r.services[name]; s == nil || s.Spec.Ports[0].TargetPort.StrVal != "admin" {
				t.Errorf("admin.names has %s, and no Service of that name leads there", name)
			}
		}
	})
}

// ingressPorts returns the ports that a network policy opens, as a container with these ports has
// them.
func ingressPorts(t *testing.T, p *networking.NetworkPolicy, ports map[string]int) map[string]int {
	t.Helper()
	open := map[string]int{}
	for _, rule := range p.Spec.Ingress {
		if len(rule.Ports) == 0 {
			t.Errorf("NetworkPolicy %s opens all ports", p.Name)
		}
		for _, port := range rule.Ports {
			open[port.Port.StrVal] = ports[port.Port.StrVal]
		}
	}
	return open
}

func matches(t *testing.T, selector *meta.LabelSelector, of map[string]string) bool {
	t.Helper()
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(of))
}

// selected returns the pod templates that the selector of a Service selects.
func (r *rendered) selected(by map[string]string) (all []*core.PodTemplateSpec) {
	for _, pod := range r.templates() {
		if labels.SelectorFromSet(by).Matches(labels.Set(pod.Labels)) {
			all = append(all, pod)
		}
	}
	return all
}

// namedPort returns the port of a pod with that name.
func namedPort(pod *core.PodSpec, name string) (int, bool) {
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		if port, ok := portsOf(&c)[name]; ok {
			return port, true
		}
	}
	return 0, false
}

// TestPodsAreCoveredByOneBudget checks that evictions of each pod are limited by just one
// PodDisruptionBudget, as Kubernetes evicts no pod that has two, and that none blocks a drain for
// ever.
func TestPodsAreCoveredByOneBudget(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		for name, d := range r.deployments {
			budgets := 0
			for _, b := range r.budgets {
				if matches(t, b.Spec.Selector, d.Spec.Template.Labels) {
					budgets++
				}
				if b.Spec.MaxUnavailable == nil || b.Spec.MaxUnavailable.IntValue() < 1 {
					t.Errorf("PodDisruptionBudget %s lets no pod be evicted", b.Name)
				}
			}
			if budgets != 1 {
				t.Errorf("%d PodDisruptionBudgets select the pods of %s, want 1", budgets, name)
			}
			if !matches(t, d.Spec.Selector, d.Spec.Template.Labels) {
				t.Errorf("Deployment %s does not select its own pods", name)
			}
		}
	})
}

// afterDrain is how long serve may take after limits.drain: it waits 10 s for a part that hangs, and
// then sends the last spans and writes to the store.
const afterDrain = 20 * time.Second

// TestPodsHaveTimeToDrain checks that Kubernetes does not kill Interlock while it drains.
func TestPodsHaveTimeToDrain(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		d, c := r.proxy(t)
		drain, err := time.ParseDuration(r.config(t).Limits.Drain)
		if err != nil {
			t.Fatal(err)
		}
		if has, needs := grace(&d.Spec.Template.Spec)-sleepOf(c), drain+afterDrain; has < needs {
			t.Errorf("Kubernetes kills it after %v, and it needs %v", has, needs)
		}
	})
}

// grace returns the time that Interlock has to end. A sidecar gets its SIGTERM when the application
// has ended, which has 30 seconds by default.
func grace(pod *core.PodSpec) time.Duration {
	all := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
	if len(pod.InitContainers) > 0 {
		all -= 30 * time.Second
	}
	return all
}

// sleepOf returns how long Kubernetes waits before it sends SIGTERM to a container.
func sleepOf(c *core.Container) time.Duration {
	if c.Lifecycle == nil {
		return 0
	}
	return time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
}

// TestSidecarStartsFirst checks that Interlock is a sidecar container of Kubernetes, which starts
// before the application and ends after it.
func TestSidecarStartsFirst(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		d, c := r.proxy(t)
		if pod := d.Spec.Template.Spec; len(pod.Containers) == 1 && len(pod.InitContainers) == 1 {
			if always := c.RestartPolicy; always == nil || *always != core.ContainerRestartPolicyAlways || c.Lifecycle != nil {
				t.Errorf("restartPolicy %v, lifecycle %v", always, c.Lifecycle)
			}
			return
		}
		if len(d.Spec.Template.Spec.Containers) != 1 || c.Lifecycle == nil {
			t.Error("Interlock is neither alone nor a sidecar, or does not wait before it ends")
		}
	})
}

// TestTheContainersOfInterlockAreTheSame checks that the modes differ only in what they must.
func TestTheContainersOfInterlockAreTheSame(t *testing.T) {
	common := func(r *rendered) string {
		_, c := r.proxy(t)
		text, err := yaml.Marshal([]any{c.Image, c.Args, c.Ports, c.StartupProbe, c.LivenessProbe, c.ReadinessProbe, c.Resources})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	all := modes()
	want := common(all[0].render(t))
	for _, m := range all[1:] {
		if got := common(m.render(t)); got != want {
			t.Errorf("%s has\n%s\n%s has\n%s", m.name, got, all[0].name, want)
		}
	}
}

// TestTheSwapIsReversible applies back.yaml to the Service after the swap.
func TestTheSwapIsReversible(t *testing.T) {
	service := func(text string) string {
		spec, err := yaml.Marshal(read(t, text).services["chat"].Spec)
		if err != nil {
			t.Fatal(err)
		}
		return string(spec)
	}
	disk := filesys.MakeFsOnDisk()
	original := build(t, disk, manifests+"/app")
	swapped := original
	for i, name := range []string{"swap.yaml", "back.yaml"} {
		patch, err := disk.ReadFile(manifests + "/overlays/service-swap/" + name)
		if err != nil {
			t.Fatal(err)
		}
		swapped = patched(t, swapped, string(patch))
		want := original
		if i == 0 {
			want = build(t, disk, manifests+"/overlays/service-swap")
		}
		if got, want := service(swapped), service(want); got != want {
			t.Errorf("after %s the Service is\n%s\nwant\n%s", name, got, want)
		}
	}
	all := read(t, build(t, disk, manifests+"/overlays/service-swap"))
	direct, err := yaml.Marshal(all.services["chat-direct"].Spec)
	if err != nil {
		t.Fatal(err)
	}
	if want := service(original); string(direct) != want {
		t.Errorf("chat-direct is\n%s\nchat was\n%s", direct, want)
	}
}
