package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A destination is a host and a port in the one form in which they can be compared.
type destination struct {
	host string     // a name in lower case, or an address as netip writes it
	addr netip.Addr // valid if the host is an address
	port uint16
}

func (d destination) String() string {
	if d.addr.IsValid() {
		return netip.AddrPortFrom(d.addr, d.port).String()
	}
	return d.host + ":" + strconv.Itoa(int(d.port))
}

// parseDestination reads an authority (RFC 3986 §3.2) without userinfo. It takes no form of an
// address that programs read in different ways: neither parts that are left out, nor hexadecimal
// and octal numbers, nor IPv4 inside IPv6, nor zones, nor a dot at the end. If the authority has no
// port, it is the default one; 0: there is none.
func parseDestination(authority string, defaultPort uint16) (destination, error) {
	host, port, err := splitAuthority(authority)
	if err != nil {
		return destination{}, err
	}
	d := destination{port: defaultPort}
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case port == "" && defaultPort == 0:
		return d, errors.New("it has no port")
	case port == "":
	case err != nil || n == 0 || port[0] < '0' || port[0] > '9':
		return d, errors.New("its port is none")
	default:
		d.port = uint16(n)
	}
	if d.addr, err = netip.ParseAddr(host); err == nil {
		if bracketed := authority[0] == '['; d.addr.Is4In6() || d.addr.Is6() != bracketed {
			return d, errors.New("it is no address in its usual form")
		}
		d.host = d.addr.String()
		return d, nil
	}
	if authority[0] == '[' {
		return d, errors.New("it is no address in its usual form")
	}
	d.host, err = canonicalName(host)
	return d, err
}

// splitAuthority is host and port, which is empty if there is none.
func splitAuthority(authority string) (host, port string, err error) {
	if strings.ContainsFunc(authority, func(c rune) bool { return !isNameByte(c) && !strings.ContainsRune(".:[]", c) }) {
		return "", "", errors.New("it is no host and port")
	}
	bracket := strings.HasPrefix(authority, "[")
	if bracket {
		host, port, bracket = strings.Cut(authority[1:], "]")
		if !bracket {
			return "", "", errors.New("it is no host and port")
		}
	} else if i := strings.IndexByte(authority, ':'); i >= 0 {
		host, port = authority[:i], authority[i:]
	} else {
		host = authority
	}
	if host == "" || strings.ContainsAny(host, "[]") || !bracket && strings.Count(port, ":") > 1 || port != "" && (port[0] != ':' || len(port) == 1) {
		return "", "", errors.New("it is no host and port")
	}
	return host, strings.TrimPrefix(port, ":"), nil
}

// isNameByte reports whether a character may stand in a label of a name: besides letters, digits
// and hyphens, names that are in use have underscores.
func isNameByte(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// canonicalName is a name in lower case.
func canonicalName(name string) (string, error) {
	labels := strings.Split(strings.ToLower(name), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(c rune) bool { return !isNameByte(c) }) {
			return "", errors.New("its host is no name")
		}
	}
	last := labels[len(labels)-1]
	digits, base := last, "0123456789"
	if strings.HasPrefix(last, "0x") {
		digits, base = last[2:], "0123456789abcdef"
	}
	if len(name) > 253 || strings.Trim(digits, base) == "" {
		return "", errors.New("it is no address in its usual form") // programs take what ends in a number for an IPv4 address
	}
	return strings.Join(labels, "."), nil
}

// A hostPattern is an entry of the configuration that names hosts: what may be reached, or what is
// not looked into.
type hostPattern struct {
	text    string     // as it is named, without the port
	addr    netip.Addr // if valid, that address; else the names that match text
	ports   []uint16   // nil: all
	backend *Backend   // whose address it is; nil: no backend's
	home    bool       // a name that stood for an address of this machine when it was listed
}

// ParseHost is the host of an entry of [Forward.Hosts] or [Forward.PassThrough], without its port:
// a name or a glob in lower case, or an address. An error says what is wrong with the entry;
// "backends" is none of those.
func ParseHost(entry string) (string, error) {
	l, err := parsePattern(entry)
	return l.text, err
}

// parsePattern reads an entry: a name, a glob of names, or an address; alone for the ports 80 and
// 443, with a port, or with :* for all ports.
func parsePattern(entry string) (hostPattern, error) {
	l := hostPattern{ports: []uint16{80, 443}}
	if addr, err := netip.ParseAddr(entry); err == nil {
		entry = addr.String()
		if l.addr = addr; addr.Is4In6() || addr.Zone() != "" {
			return l, fmt.Errorf("%q is no address in its usual form", entry)
		}
		l.text = entry
		return l, nil
	}
	bare, all := strings.CutSuffix(entry, ":*")
	plain := strings.ReplaceAll(bare, "*", "x") // a star stands where a letter can
	d, err := parseDestination(plain, 1)
	_, port, _ := splitAuthority(plain)
	if err != nil || all && port != "" {
		return l, fmt.Errorf("%q is neither a host nor a glob, with or without a port, such as *.staging.example:8443", entry)
	}
	switch {
	case all:
		l.ports = nil
	case port != "":
		l.ports = []uint16{d.port}
	}
	if l.text = d.host; strings.Contains(bare, "*") {
		host, _, _ := strings.Cut(bare, ":")
		l.text = strings.ToLower(host)
	} else {
		l.addr = d.addr
	}
	return l, nil
}

// isGlob reports whether an entry stands for more than one name.
func (p *hostPattern) isGlob() bool { return strings.Contains(p.text, "*") }

// matches reports whether an entry stands for a destination, too. A glob never stands for an
// address.
func (p *hostPattern) matches(d destination) bool {
	if p.ports != nil && !slices.Contains(p.ports, d.port) {
		return false
	}
	if p.addr.IsValid() || d.addr.IsValid() {
		return p.addr == d.addr
	}
	found, err := path.Match(p.text, d.host)
	return err == nil && found
}

// withPort is an authority with the port that http has if it names none.
func withPort(authority string) string {
	if _, _, err := net.SplitHostPort(authority); err == nil {
		return authority
	}
	return net.JoinHostPort(strings.Trim(authority, "[]"), "80")
}
