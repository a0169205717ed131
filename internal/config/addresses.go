package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// addressFault describes what is wrong with a listen address; empty if nothing is.
func addressFault(text string) string {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Sprintf("%q must be an address with a port, such as 127.0.0.1:8426", text)
	}
	return portFault(text, port, 0)
}

// portFault describes what is wrong with the port of an address.
func portFault(text, port string, least int) string {
	n, err := strconv.Atoi(port)
	if err != nil || n < least || n > 65535 {
		return fmt.Sprintf("%q: the port must be a number from %d to 65535, not %q", text, least, port)
	}
	return ""
}

// checkTwice reports addresses that two listeners would share.
func (c *Config) checkTwice(fault func(key, format string, v ...any)) {
	type listener struct{ key, address string }
	all := []listener{{"listen", c.Listen}}
	for i := range c.Listeners {
		all = append(all, listener{fmt.Sprintf("listeners[%d].listen", i), c.Listeners[i].Listen})
	}
	all = append(all, listener{c.Admin.listenKey(), c.Admin.Listen}, listener{"admin.open", c.Admin.Open}, listener{c.Forward.listenKey(), c.Forward.Listen})
	for i, l := range all {
		first := slices.IndexFunc(all, func(other listener) bool { return other.address == l.address })
		if first < i && l.address != "" && !strings.HasSuffix(l.address, ":0") {
			fault(l.key, "%s is the address of %s already", l.address, all[first].key)
		}
	}
}
