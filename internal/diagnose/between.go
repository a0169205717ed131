package diagnose

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// more are marks of proxies that stand between two sides that were both seen, beside [proxies] and
// [hops].
func more() []product {
	return []product{
		{"nghttpx", "Via", "nghttpx"},
		{"nghttpx", "Server", "nghttpx"},
		{"Traffic Server", "Via", "apachetrafficserver"},
		{"Traffic Server", "Server", "ats/"},
		{"h2o", "Server", "h2o"},
		{"lighttpd", "Server", "lighttpd"},
	}
}

// Between returns the name of the proxy of which both sides were seen, and what shows it: a header that
// only one side has, or the name that the user gave it. Both are empty if nothing does.
func (v *View) Between() (name, basis string) {
	if v.X.Hop == nil {
		return "", ""
	}
	if !v.betweenAsked {
		v.betweenAsked = true
		v.betweenName, v.betweenBasis = v.lookBetween()
	}
	return v.betweenName, v.betweenBasis
}

func (v *View) lookBetween() (name, basis string) {
	far := v.X.Hop.Far
	if v.Response != nil {
		for _, known := range slices.Concat(more(), proxies(), hops()) {
			basis := v.field(rules.InResponse, known.header, known.value)
			if basis != "" && (far == nil || far.Response == nil || !far.Response.Has(known.header)) {
				return known.name, basis
			}
		}
	}
	if far != nil && len(far.Request.Raw) > 0 {
		other := *v.Ruling
		other.X = far
		f := newView(&other)
		name, basis = f.product(rules.InRequest, more())
		if name == "" {
			name, basis = f.HopBefore()
		}
		if before, _ := v.HopBefore(); name != "" && name != before {
			return name, basis
		}
	}
	for _, known := range [...]string{
		"nghttpx", "nginx", "HAProxy", "Traefik", "Caddy", "Varnish", "Squid", "Envoy", "Pingora", "Fabio", "Apache",
	} {
		if contained([]byte(v.X.Hop.Name), known) {
			return known, "its name " + rules.Quote(v.X.Hop.Name)
		}
	}
	return "", ""
}

// between is the mark of a proxy of that name whose both sides were seen.
func between(name string) mark {
	return func(v *View) string {
		if found, basis := v.Between(); found == name {
			return basis
		}
		return ""
	}
}

// betweenKnown is the mark of any proxy whose both sides were seen and that can be named.
func betweenKnown(v *View) string {
	if found, basis := v.Between(); found != "" {
		return basis
	}
	return ""
}

// release matches the version in what shows a product, such as nginx/1.22.1.
var release = regexp.MustCompile(`/([0-9]+(?:\.[0-9]+)+)`)

// until is the mark of a proxy of that name whose both sides were seen, unless it says that it is that
// release or a later one.
func until(name, version string) mark {
	return func(v *View) string {
		found, basis := v.Between()
		if is := release.FindStringSubmatch(basis); found != name || is != nil && !older(is[1], version) {
			return ""
		}
		return basis
	}
}

// older reports whether a version is before another one.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var m, n int
		if i < len(x) {
			m, _ = strconv.Atoi(x[i]) // one that is too long is 0, and no release
		}
		if i < len(y) {
			n, _ = strconv.Atoi(y[i])
		}
		if m != n {
			return m < n
		}
	}
	return false
}
