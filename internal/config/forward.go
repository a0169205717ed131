package config

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/ca"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/proxy"
)

// ForwardHosts are the hosts that clients of the forward listener can reach.
func (c *Config) ForwardHosts() ([]string, error) {
	var all []string
	wanted := c.Forward.Hosts
	if wanted == nil {
		wanted = hostList{"backends"}
	}
	for _, entry := range wanted {
		if entry != "backends" {
			all = append(all, entry)
			continue
		}
		urls := []string{c.Backend}
		for i := range c.Routes {
			urls = append(urls, c.Routes[i].Backend)
		}
		for _, each := range urls {
			if each == "" {
				continue
			}
			addresses, _, err := BackendAddresses(each)
			if err != nil {
				return nil, exit.Usage("%w", err)
			}
			for _, address := range addresses {
				if !strings.HasPrefix(address, "unix:") {
					all = append(all, address)
				}
			}
		}
	}
	return all, nil
}

// ForwardConfig is the forward listener: an address alone, or a mapping.
type ForwardConfig struct {
	Listen      string            `yaml:"listen"`
	Hosts       hostList          `yaml:"hosts"`
	PassThrough []string          `yaml:"pass_through"`
	CA          string            `yaml:"ca"`
	Users       map[string]string `yaml:"users"`
	UsersFile   string            `yaml:"users_file"`
	Upstream    string            `yaml:"upstream"`
	MinVersion  string            `yaml:"min_version"`
	BackendTLS  BackendTLSConfig  `yaml:"backend_tls"`

	Alone bool `yaml:"-"` // the value was a bare address: a scalar, or the value of a flag
}

// UnmarshalYAML reads an address or a mapping.
func (c *ForwardConfig) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&c.Listen) == nil {
		c.Alone = true
		return nil
	}
	type mapping ForwardConfig
	return unmarshal((*mapping)(c))
}

// hostList is the word backends, or a list of hosts.
type hostList []string

// UnmarshalYAML reads a word or a list.
func (l *hostList) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		*l = hostList{word}
		return nil
	}
	return unmarshal((*[]string)(l))
}

// listenKey is the key that says the address.
func (c *ForwardConfig) listenKey() string {
	if c.Alone {
		return "forward"
	}
	return "forward.listen"
}

// check reports the faults of the forward listener.
func (c *ForwardConfig) check(fault func(key, format string, v ...any)) {
	if c.Listen == "" {
		if c.CA != "" || c.Upstream != "" || c.UsersFile != "" || len(c.Users)+len(c.PassThrough) > 0 || len(c.Hosts) > 0 && !slices.Equal(c.Hosts, hostList{"backends"}) {
			fault("forward", "listen is missing: give an address such as 127.0.0.1:8427")
		}
		return
	}
	if text := addressFault(c.Listen); text != "" {
		fault(c.listenKey(), "%s", text)
	}
	for i, entry := range c.Hosts {
		if _, err := proxy.ParseHost(entry); err != nil && entry != "backends" {
			fault(fmt.Sprintf("forward.hosts[%d]", i), "%v", err)
		}
	}
	for i, entry := range c.PassThrough {
		if _, err := proxy.ParseHost(entry); err != nil {
			fault(fmt.Sprintf("forward.pass_through[%d]", i), "%v", err)
		}
	}
	for name := range c.Users {
		if name == "" || strings.ContainsAny(name, ":\r\n") {
			fault("forward.users", "%q is not a valid user name", name)
		}
	}
	if _, err := c.AllUsers(); err != nil {
		fault("forward.users_file", "%v", err)
	}
	if _, err := c.UpstreamURL(); err != nil {
		fault("forward.upstream", "%v", err)
	}
	if _, err := c.BackendTLS.Config(); err != nil {
		fault("forward.backend_tls", "%v", err)
	}
	if _, err := c.Authority(); err != nil {
		fault("forward.ca", "%v", err)
	}
	if _, err := TLSVersion(c.MinVersion); err != nil {
		fault("forward.min_version", "%v", err)
	}
}

// AllUsers returns everyone who may use the proxy, with their passwords.
func (c *ForwardConfig) AllUsers() (map[string]string, error) {
	all := map[string]string{}
	for name, password := range c.Users {
		all[name] = password
	}
	if c.UsersFile == "" {
		return all, nil
	}
	stat, err := os.Stat(c.UsersFile)
	if err != nil {
		return nil, err
	}
	if mode := stat.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("%q can be read or written by others (mode %04o): chmod 600 it", c.UsersFile, mode)
	}
	text, err := os.ReadFile(c.UsersFile)
	if err != nil {
		return nil, err
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		each := strings.TrimRight(string(line), "\r\n")
		if each == "" || strings.HasPrefix(each, "#") {
			continue
		}
		name, password, ok := strings.Cut(each, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("%s:%d: the line must be NAME:PASSWORD", c.UsersFile, number)
		}
		all[name] = password
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%q does not name a user", c.UsersFile)
	}
	return all, nil
}

// UpstreamURL returns the URL of the upstream proxy; nil if there is none. Errors do not contain
// its password.
func (c *ForwardConfig) UpstreamURL() (*url.URL, error) {
	if c.Upstream == "" {
		return nil, nil
	}
	u, err := url.Parse(c.Upstream)
	if err != nil {
		return nil, errors.New("must be a URL such as http://proxy.example:3128")
	}
	if err := (&proxy.Forward{Relay: &proxy.Relay{}, Upstream: u}).Check(); err != nil {
		return nil, fmt.Errorf("%q: %w", u.Redacted(), err)
	}
	return u, nil
}

// Authority returns the authority that terminates client TLS; nil: TLS is passed through.
func (c *ForwardConfig) Authority() (*ca.Authority, error) {
	if c.CA == "" {
		return nil, nil
	}
	return ca.Load(c.CA)
}

// isOpen reports whether other machines can use the listener without credentials.
func (c *ForwardConfig) isOpen() bool {
	if c.Listen == "" || len(c.Users) > 0 || c.UsersFile != "" {
		return false
	}
	host, _, err := net.SplitHostPort(c.Listen)
	a, notAddr := netip.ParseAddr(host)
	return err == nil && host != "localhost" && (notAddr != nil || !a.IsLoopback())
}
