package config

import (
	"fmt"
	"os"
	"time"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// Config is the complete configuration. The names of its keys are a contract.
type Config struct {
	Backend    string           `yaml:"backend"`
	Listen     string           `yaml:"listen"`
	Admin      adminConfig      `yaml:"admin"`
	Forward    ForwardConfig    `yaml:"forward"`
	Host       string           `yaml:"host"`
	Store      string           `yaml:"store"`
	Guard      string           `yaml:"guard"`
	Dial       string           `yaml:"dial"`
	Frames     string           `yaml:"frames"`
	Log        string           `yaml:"log"`
	Instance   string           `yaml:"instance"`
	Heartbeat  duration         `yaml:"heartbeat"`
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

	File     string               `yaml:"-"` // the file that it was read from; empty: none
	Stamp    time.Time            `yaml:"-"` // of that file
	Origin   *Origin              `yaml:"-"` // where its values come from; set by Check
	Accepted []accept.Entry       `yaml:"-"` // the checked values of Accept and Expect
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
	Bytes     size   `yaml:"bytes"`
	Keep      string `yaml:"keep"`
	First     int    `yaml:"first"`
	Last      int    `yaml:"last"`
	Endpoints int    `yaml:"endpoints"`
	Message   size   `yaml:"message_bytes"`
	Tunnel    size   `yaml:"tunnel_bytes"`
	Messages  size   `yaml:"messages_bytes"`
}

type rulesConfig struct {
	Profile   string            `yaml:"profile"`
	AsOf      string            `yaml:"as_of"`
	Protocols []string          `yaml:"protocols"`
	Origins   []string          `yaml:"public_origins"`
	Off       []string          `yaml:"off"`
	Severity  map[string]string `yaml:"severity"`
	Secrets   []string          `yaml:"secrets"`
	Endpoints []endpointConfig  `yaml:"endpoints"`
}

// endpointConfig says what is known of an endpoint.
type endpointConfig struct {
	Endpoint string `yaml:"endpoint"`
	Auth     string `yaml:"auth"`
}

// authRequired says that an endpoint accepts only clients with credentials.
const authRequired = "required"

// Defaults returns the default configuration. Zero limits mean the defaults of the packages.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:8426", Admin: adminConfig{Listen: "127.0.0.1:9426"}, Guard: "off", Dial: DialLazy, Frames: framesFacts, Log: "auto", Heartbeat: duration{store.DefaultHeartbeat}, Otel: otelConfig{Rulings: rulingsOff}, Unrouted: unroutedDefault,
		Forward: ForwardConfig{Hosts: hostList{"backends"}},
		Limits: limitsConfig{
			Dial: seconds(10), Head: seconds(30), FirstByte: seconds(300), HalfClosed: seconds(300), Drain: seconds(20),
		},
		Rules:  rulesConfig{Profile: string(rules.ProfileRecommended)},
		Probes: probesConfig{Credentials: CredentialsConfigured},
		Evidence: evidenceConfig{
			Keep: KeepRedacted, Bytes: 64 << 20, First: 3, Last: 3, Endpoints: 1000, Message: ws.MessageBytes, Tunnel: ws.TunnelBytes, Messages: 256 << 20,
		},
	}
}

// Check reports all faults of a configuration, each with its origin.
func (c *Config) Check(o *Origin) error {
	c.Origin = o
	faults := o.Faults()
	fault := faults.Add(o)
	checkBackend("", c.Backend, c.Host, c.Guard, c.SendProxy, &c.BackendTLS, fault)
	c.FirstListener().check("", fault)
	for i := range c.Listeners {
		c.Listeners[i].check(fmt.Sprintf("listeners[%d].", i), fault)
	}
	checkDial("dial", c.Dial, fault)
	checkFrames("frames", c.Frames, fault)
	c.checkRoutes(fault)
	c.checkTwice(fault)
	c.checkAudited(fault)
	c.Admin.check(fault)
	c.Forward.check(fault)
	c.CheckStore(fault)
	if c.Log != "auto" && c.Log != "json" && c.Log != "text" {
		fault("log", "must be auto, json or text, not %q", c.Log)
	}
	c.checkNumbers(fault)
	c.Evidence.checkMessages(fault)
	c.Otel.check(fault)
	c.Redact.check(fault)
	c.Rules.Check(fault)
	c.Probes.Check(fault)
	c.Accepted, c.Expected = (&AcceptFile{c.Accept, c.Expect}).Take(o, fault)
	return faults.Err()
}

func (c *Config) checkNumbers(fault func(key, format string, v ...any)) {
	if c.Limits.Connections < 0 {
		fault("limits.connections", "must not be less than 0")
	}
	if c.Heartbeat.Duration < time.Second {
		fault("heartbeat", "must be 1s or more")
	}
	for _, each := range []struct {
		key string
		d   duration
	}{
		{"limits.dial", c.Limits.Dial}, {"limits.head", c.Limits.Head}, {"limits.first_byte", c.Limits.FirstByte},
		{"limits.half_closed", c.Limits.HalfClosed}, {"limits.drain", c.Limits.Drain},
	} {
		if each.d.Duration <= 0 {
			fault(each.key, "must be more than 0")
		}
	}
	for _, each := range []struct {
		key string
		n   int64
	}{
		{"evidence.bytes", int64(c.Evidence.Bytes)}, {"evidence.first", int64(c.Evidence.First)},
		{"evidence.last", int64(c.Evidence.Last)}, {"evidence.endpoints", int64(c.Evidence.Endpoints)},
	} {
		if each.n <= 0 {
			fault(each.key, "must be more than 0")
		}
	}
}

// FirstListener returns the reverse listener that every configuration has.
func (c *Config) FirstListener() *ListenerConfig {
	return &ListenerConfig{Listen: c.Listen, TLS: c.TLS, ProxyFrom: c.ProxyFrom}
}

// StampOf returns the modification time of a file; the zero time if that is unknown.
func StampOf(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
