package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
)

// Config is everything that can be configured. The names of its keys are a contract.
type Config struct {
	Backend    string           `yaml:"backend"`
	Listen     string           `yaml:"listen"`
	Admin      adminConfig      `yaml:"admin"`
	Forward    ForwardConfig    `yaml:"forward"`
	Host       string           `yaml:"host"`
	Store      string           `yaml:"store"`
	Guard      string           `yaml:"guard"`
	Dial       string           `yaml:"dial"`
	Log        string           `yaml:"log"`
	Instance   string           `yaml:"instance"`
	BackendTLS BackendTLSConfig `yaml:"backend_tls"`
	SendProxy  int              `yaml:"send_proxy"`
	TLS        listenTLSConfig  `yaml:"tls"`
	ProxyFrom  []string         `yaml:"proxy_from"`
	Listeners  []ListenerConfig `yaml:"listeners"`
	Routes     []RouteConfig    `yaml:"routes"`
	Unrouted   string           `yaml:"unrouted"`
	AdminToken string           `yaml:"admin_token_file"`
	Limits     limitsConfig     `yaml:"limits"`
	Evidence   evidenceConfig   `yaml:"evidence"`
	Retention  retentionConfig  `yaml:"retention"`
	Otel       otelConfig       `yaml:"otel"`
	Redact     redactConfig     `yaml:"redact"`
	Rules      rulesConfig      `yaml:"rules"`
	Probes     probesConfig     `yaml:"probes"`
	Baseline   []string         `yaml:"baseline"`
	Accept     []accept.Written `yaml:"accept"`
	Expect     []expectConfig   `yaml:"expect"`

	File     string               `yaml:"-"` // that it was read from; empty: none
	Stamp    time.Time            `yaml:"-"` // of that file
	Origin   *Origin              `yaml:"-"` // where its values come from, once it was checked
	Accepted []accept.Entry       `yaml:"-"` // what Accept says, and Expect, once it was checked
	Expected []accept.Expectation `yaml:"-"` // by endpoint
}

type limitsConfig struct {
	Connections int      `yaml:"connections"`
	Dial        duration `yaml:"dial"`
	Head        duration `yaml:"head"`
	FirstByte   duration `yaml:"first_byte"`
	HalfClosed  duration `yaml:"half_closed"`
	Drain       duration `yaml:"drain"`
}

type evidenceConfig struct {
	Bytes     int64  `yaml:"bytes"`
	Keep      string `yaml:"keep"`
	First     int    `yaml:"first"`
	Last      int    `yaml:"last"`
	Endpoints int    `yaml:"endpoints"`
}

type rulesConfig struct {
	Profile   string            `yaml:"profile"`
	AsOf      string            `yaml:"as_of"`
	Protocols []string          `yaml:"protocols"`
	Origins   []string          `yaml:"public_origins"`
	Off       []string          `yaml:"off"`
	Severity  map[string]string `yaml:"severity"`
	Secrets   []string          `yaml:"secrets"`
}

// duration is a length of time, written as 10s or 5m. Text that is none is kept, so that check can say where it stands.
type duration struct {
	time.Duration
	bad string
}

func seconds(n int) duration { return duration{Duration: time.Duration(n) * time.Second} }

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(b []byte) error {
	text := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	var err error
	if d.Duration, err = time.ParseDuration(text); err != nil {
		d.bad = text
	}
	return nil
}

// Defaults is the configuration of somebody who configures nothing. Zero limits mean those of the packages.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:8426", Admin: adminConfig{Listen: "127.0.0.1:9426"}, Guard: "off", Dial: DialLazy, Log: "auto", Unrouted: unroutedDefault,
		Forward: ForwardConfig{Hosts: hostList{"backends"}},
		Limits: limitsConfig{
			Dial: seconds(10), Head: seconds(30), FirstByte: seconds(300), HalfClosed: seconds(300), Drain: seconds(20),
		},
		Rules:    rulesConfig{Profile: string(rules.ProfileRecommended)},
		Probes:   probesConfig{Credentials: CredentialsConfigured},
		Evidence: evidenceConfig{Keep: KeepRedacted, Bytes: 64 << 20, First: 3, Last: 3, Endpoints: 1000},
	}
}

// Origin tells where the values of a configuration come from, so that errors can say so.
type Origin struct {
	name  string            // of the file; empty if there is none
	tree  *ast.File         // what it says
	Given map[string]string // flag or variable that a value was given by, for each key that was
}

// Read reads a file over c.
func (o *Origin) Read(name string, c *Config) error {
	c.File, c.Stamp = name, StampOf(name)
	return o.parse(name, c)
}

// parse reads a file over what into points to.
func (o *Origin) parse(name string, into any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return exit.Usage("read configuration: %w", err)
	}
	o.name = name
	o.tree, err = parser.ParseBytes(text, 0)
	if err == nil && o.empty() {
		return nil // it would be read as a configuration in which everything is zero
	}
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, into, yaml.Strict())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return exit.Usage("%s", describeYAML(name, err))
	}
	return nil
}

// describeYAML is FILE:LINE:COLUMN, what is wrong, and the lines around it.
func describeYAML(name string, err error) string {
	var at yaml.Error
	if !errors.As(err, &at) {
		return fmt.Sprintf("%s: %v", name, err)
	}
	place := name
	if token := at.GetToken(); token != nil && token.Position != nil {
		place = fmt.Sprintf("%s:%d:%d", name, token.Position.Line, token.Position.Column)
	}
	_, excerpt, _ := strings.Cut(yaml.FormatError(err, false, true), "\n")
	return strings.TrimRight(place+": "+at.GetMessage()+"\n"+excerpt, "\n")
}

// empty reports whether nothing but comments stands in the file.
func (o *Origin) empty() bool {
	for _, d := range o.tree.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType && d.Body.Type() != ast.NullType && d.Body.Type() != ast.CommentGroupType {
			return false
		}
	}
	return true
}

// of is where the value of a key comes from.
func (o *Origin) of(key string) string {
	if name, ok := o.Given[key]; ok {
		return name
	}
	path, err := yaml.PathString("$." + key)
	if err != nil || o.tree == nil {
		return key
	}
	node, err := path.FilterFile(o.tree)
	if err != nil || node == nil || node.GetToken() == nil {
		return key
	}
	p := node.GetToken().Position
	return fmt.Sprintf("%s:%d:%d: %s", o.name, p.Line, p.Column, key)
}

// Check tells everything that is wrong with a configuration, each with where it comes from.
func (c *Config) Check(o *Origin) error {
	c.Origin = o
	var faults Faults
	fault := faults.Add(o)
	checkBackend("", c.Backend, c.Host, c.Guard, c.SendProxy, &c.BackendTLS, fault)
	c.FirstListener().check("", fault)
	for i := range c.Listeners {
		c.Listeners[i].check(fmt.Sprintf("listeners[%d].", i), fault)
	}
	checkDial("dial", c.Dial, fault)
	c.checkRoutes(fault)
	c.Admin.check(fault)
	c.Forward.check(fault)
	c.CheckStore(fault)
	if c.Log != "auto" && c.Log != "json" && c.Log != "text" {
		fault("log", "%q is none of auto, json, text", c.Log)
	}
	c.checkNumbers(fault)
	c.Otel.check(fault)
	c.Redact.check(fault)
	c.Rules.Check(fault)
	c.Probes.Check(fault)
	c.Accepted, c.Expected = (&AcceptFile{c.Accept, c.Expect}).Take(o, fault)
	return faults.Err()
}

// Faults are what is wrong with a configuration.
type Faults []error

// Add is a func that adds a fault, with where the value of its key comes from.
func (f *Faults) Add(o *Origin) func(key, format string, v ...any) {
	return func(key, format string, v ...any) {
		*f = append(*f, fmt.Errorf("%s: %s", o.of(key), fmt.Sprintf(format, v...)))
	}
}

// Err is all faults as one error that is a mistake of the user; nil if there are none.
func (f *Faults) Err() error {
	if len(*f) == 0 {
		return nil
	}
	return exit.Error{Status: exit.StatusUsage, Err: errors.Join(*f...)}
}

func (c *Config) checkNumbers(fault func(key, format string, v ...any)) {
	if c.Limits.Connections < 0 {
		fault("limits.connections", "must not be less than 0")
	}
	for _, each := range []struct {
		key string
		d   duration
	}{
		{"limits.dial", c.Limits.Dial}, {"limits.head", c.Limits.Head}, {"limits.first_byte", c.Limits.FirstByte},
		{"limits.half_closed", c.Limits.HalfClosed}, {"limits.drain", c.Limits.Drain},
	} {
		if each.d.bad != "" {
			fault(each.key, "%q is no duration such as 10s or 5m", each.d.bad)
		} else if each.d.Duration <= 0 {
			fault(each.key, "must be more than 0")
		}
	}
	for _, each := range []struct {
		key string
		n   int64
	}{
		{"evidence.bytes", c.Evidence.Bytes}, {"evidence.first", int64(c.Evidence.First)},
		{"evidence.last", int64(c.Evidence.Last)}, {"evidence.endpoints", int64(c.Evidence.Endpoints)},
	} {
		if each.n <= 0 {
			fault(each.key, "must be more than 0")
		}
	}
}

// FirstListener is the reverse listener that every configuration has.
func (c *Config) FirstListener() *ListenerConfig {
	return &ListenerConfig{Listen: c.Listen, TLS: c.TLS, ProxyFrom: c.ProxyFrom}
}

// StampOf is when a file was last changed; the zero time if that cannot be told.
func StampOf(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
