package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/ca"
	"github.com/interlock-proxy/interlock/proxy"
)

// forwardConfig is the forward listener: an address alone, or a mapping.
type forwardConfig struct {
	Listen      string            `yaml:"listen"`
	Hosts       hostList          `yaml:"hosts"`
	PassThrough []string          `yaml:"pass_through"`
	CA          string            `yaml:"ca"`
	Users       map[string]string `yaml:"users"`
	UsersFile   string            `yaml:"users_file"`
	Upstream    string            `yaml:"upstream"`
	MinVersion  string            `yaml:"min_version"`
	BackendTLS  backendTLSConfig  `yaml:"backend_tls"`

	alone bool // the address was given by itself: as a word, or by a flag
}

// UnmarshalYAML reads an address or a mapping.
func (c *forwardConfig) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&c.Listen) == nil {
		c.alone = true
		return nil
	}
	type mapping forwardConfig
	return unmarshal((*mapping)(c))
}

// hostList is what can be reached: the word backends, or a list.
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
func (c *forwardConfig) listenKey() string {
	if c.alone {
		return "forward"
	}
	return "forward.listen"
}

// check tells what is wrong with the forward listener.
func (c *forwardConfig) check(fault func(key, format string, v ...any)) {
	if c.Listen == "" {
		if c.CA != "" || c.Upstream != "" || c.UsersFile != "" || len(c.Users)+len(c.PassThrough) > 0 || len(c.Hosts) > 0 && !slices.Equal(c.Hosts, hostList{"backends"}) {
			fault("forward", "has no listen: name an address such as 127.0.0.1:8427")
		}
		return
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		fault(c.listenKey(), "%q is no host:port", c.Listen)
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
			fault("forward.users", "%q is no name of a user", name)
		}
	}
	if _, err := c.users(); err != nil {
		fault("forward.users_file", "%v", err)
	}
	if _, err := c.upstream(); err != nil {
		fault("forward.upstream", "%v", err)
	}
	if _, err := c.BackendTLS.config(); err != nil {
		fault("forward.backend_tls", "%v", err)
	}
	if _, err := c.authority(); err != nil {
		fault("forward.ca", "%v", err)
	}
	if _, err := tlsVersion(c.MinVersion); err != nil {
		fault("forward.min_version", "%v", err)
	}
}

// users are all that may use the proxy, and their passwords.
func (c *forwardConfig) users() (map[string]string, error) {
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
	if mode := stat.Mode().Perm(); mode&0o077 != 0 {
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
			return nil, fmt.Errorf("%s:%d: is not NAME:PASSWORD", c.UsersFile, number)
		}
		all[name] = password
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%q names no user", c.UsersFile)
	}
	return all, nil
}

// upstream is the URL of the upstream proxy; nil if there is none. Errors do not show its password.
func (c *forwardConfig) upstream() (*url.URL, error) {
	if c.Upstream == "" {
		return nil, nil
	}
	u, err := url.Parse(c.Upstream)
	if err != nil {
		return nil, errors.New("is no URL such as http://proxy.example:3128")
	}
	if err := (&proxy.Forward{Relay: &proxy.Relay{}, Upstream: u}).Check(); err != nil {
		return nil, fmt.Errorf("%q: %w", u.Redacted(), err)
	}
	return u, nil
}

// authority is what client TLS is ended with; nil: it is carried as it is.
func (c *forwardConfig) authority() (*ca.Authority, error) {
	if c.CA == "" {
		return nil, nil
	}
	return ca.Load(c.CA)
}

// isOpen tells whether anybody who reaches the listener may use it from another machine.
func (c *forwardConfig) isOpen() bool {
	if c.Listen == "" || len(c.Users) > 0 || c.UsersFile != "" {
		return false
	}
	host, _, err := net.SplitHostPort(c.Listen)
	a, notAddr := netip.ParseAddr(host)
	return err == nil && host != "localhost" && (notAddr != nil || !a.IsLoopback())
}
