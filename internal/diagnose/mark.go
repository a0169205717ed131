package diagnose

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A mark looks in an exchange for what a cause rests on. It returns it in words, such as
// Server: "envoy", and nothing if it is not there.
type mark = func(*View) string

// header is the mark of a header whose value contains a text without regard to ASCII case.
func header(p rules.Part, name, contains string) mark {
	return func(v *View) string { return v.field(p, name, contains) }
}

// sent is the mark of a header of the request.
func sent(name, contains string) mark { return header(rules.InRequest, name, contains) }

// got is the mark of a header of the response.
func got(name, contains string) mark { return header(rules.InResponse, name, contains) }

// server is the mark of a response whose Server header contains a name.
func server(name string) mark { return got("Server", name) }

// path is the mark of a target that contains one of the parts.
func path(parts ...string) mark {
	return func(v *View) string {
		for _, part := range parts {
			if v.at(part) {
				return "path " + v.target()
			}
		}
		return ""
	}
}

// all is the mark of an exchange that has every one of several marks.
func all(marks ...mark) mark {
	return func(v *View) string {
		var found []string
		for _, m := range marks {
			basis := m(v)
			if basis == "" {
				return ""
			}
			if !slices.Contains(found, basis) {
				found = append(found, basis)
			}
		}
		return strings.Join(found, ", ")
	}
}

// either is the first of several marks that an exchange has.
func either(marks ...mark) mark {
	return func(v *View) string {
		for _, m := range marks {
			if basis := m(v); basis != "" {
				return basis
			}
		}
		return ""
	}
}

// when is a mark that a condition makes, in words.
func when(is func(*View) bool, basis string) mark {
	return func(v *View) string {
		if !is(v) {
			return ""
		}
		return basis
	}
}

// without is the mark of a message that lacks a header.
func without(p rules.Part, name string) mark {
	return when(func(v *View) bool { h := v.head(p); return h != nil && !h.Has(name) }, "no "+name+" header")
}

// status is the mark of a response with one of the statuses, in addition to another mark.
func status(code int, m mark) mark {
	return func(v *View) string {
		if v.Status() != code {
			return ""
		}
		return m(v)
	}
}

// noBody is the mark of a response that says it has no body.
func noBody(v *View) string {
	if length, ok := v.Response.Value("Content-Length"); ok && length == "0" {
		return "empty body"
	}
	return ""
}

// browser is the mark of a request that comes from a browser.
func browser(v *View) string {
	if !v.has(rules.InRequest, "User-Agent", "mozilla/") {
		return ""
	}
	for _, name := range [...]string{"Firefox", "Edg", "Chrome", "Safari"} { // Chrome names Safari too
		if v.has(rules.InRequest, "User-Agent", name+"/") {
			return "User-Agent of " + strings.Replace(name, "Edg", "Edge", 1)
		}
	}
	return "User-Agent of a browser"
}

// otherSite is the mark of an Origin that is not that of the Host header.
func otherSite(v *View) string {
	origin, ok := v.Request.Value("Origin")
	name := "Host"
	if v.X.Stream != nil {
		name = ":authority"
	}
	host, _ := v.Request.Value(name)
	_, authority, found := strings.Cut(origin, "://")
	if !ok || host == "" || found && wire.EqualFold(authority, host) {
		return ""
	}
	return v.sent("Origin") + ", " + v.sent(name)
}

// manyOptions is the mark of a Connection header with more than one option, as Firefox sends it.
func manyOptions(v *View) string { return v.field(rules.InRequest, "Connection", ",") }

// there is the mark of a header of the request whose value does not matter.
func there(name string) mark {
	return when(func(v *View) bool { return v.Request.Has(name) }, "header "+name)
}
