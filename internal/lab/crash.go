package lab

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// crashBackends crash on a certain request or take long for it. The correct ones among them accept
// what crashes others.
func crashBackends() []Backend {
	backend := func(name, about string, sound bool, handle answer) Backend {
		return Backend{
			Name: name, About: about, Sound: sound, Paths: []string{"/chat", "/echo"},
			routes: map[string]answer{"/chat": handle, "/echo": handle},
		}
	}
	return []Backend{
		backend("dying", "answers nothing any more once it has got two versions", false, dieOf(twoVersions)),
		backend("dies-of-origin", "crashes on a malformed Origin", false, dieOf(malformedOrigin)),
		backend("dies-of-host", "crashes on a malformed Host", false, dieOf(malformedHost)),
		backend("dies-of-prototype", "crashes on an extension named constructor", false, dieOf(prototypeName)),
		backend("dies-of-long-frame", "allocates as many bytes as a frame announces", false, inTunnel(false, longFrames(fatal))),
		backend("dies-of-fragments", "keeps any number of fragments of a message", false, inTunnel(false, countFragments(fatal))),
		backend("dies-of-inflating", "inflates messages to any size", false, inTunnel(true, inflateAll(fatal))),
		backend("quadratic", "looks for the end of a subprotocol from each blank in it", false, slowly(quadratic)),
		backend("exponential", "reads an escaped character of a quoted string in two ways", false, slowly(exponential)),
		backend("bounds-frames", "closes on frames, messages and numbers of fragments that are too large", true, inTunnel(false, longFrames(tooBig), countFragments(tooBig))),
		backend("bounds-inflating", "closes on a message that inflates to too much", true, inTunnel(true, inflateAll(tooBig))),
	}
}

// dieOf crashes on the requests that are fatal, and answers all others correctly.
func dieOf(fatal func(*http.Request) bool) answer {
	return func(p *peer, r *http.Request) bool {
		if fatal(r) {
			_ = p.listener.Close()
			return false
		}
		return leavingOut(0)(p, r)
	}
}

func twoVersions(r *http.Request) bool { return len(r.Header.Values("Sec-WebSocket-Version")) > 1 }

func malformedOrigin(r *http.Request) bool { return unclosed(r.Header.Get("Origin")) }

func malformedHost(r *http.Request) bool { return unclosed(strings.Join(r.Header["Host"], "")) }

// unclosed reports whether parsers of URLs throw an exception: at a bracket that nothing closes, or
// at bytes that are not UTF-8.
func unclosed(value string) bool {
	return strings.Contains(value, "[") && !strings.Contains(value, "]") || !utf8.ValidString(value)
}

func prototypeName(r *http.Request) bool {
	names := strings.FieldsFunc(r.Header.Get("Sec-WebSocket-Extensions"), func(c rune) bool { return c == ',' || c == ' ' })
	return slices.Contains(names, "constructor")
}

// slowly takes the time that work takes for each value of a list header, and answers correctly.
func slowly(work func(value string) bool) answer {
	return func(p *peer, r *http.Request) bool {
		work(r.Header.Get("Sec-WebSocket-Protocol"))
		work(r.Header.Get("Sec-WebSocket-Extensions"))
		return leavingOut(0)(p, r)
	}
}

// quadratic looks for a comma behind blanks, from each blank on.
func quadratic(value string) (separated bool) {
	const times = 3 // a regular expression takes longer for each byte
	for range times {
		for i := range len(value) {
			j := i
			for j < len(value) && value[j] == ' ' {
				j++
			}
			separated = separated || j > i && j < len(value) && value[j] == ','
		}
	}
	return separated
}

// exponential reads the first quoted string as the expression "(\\.|.)*" does: a backslash and the
// next byte are one element, or two.
func exponential(value string) (closed bool) {
	_, quoted, found := strings.Cut(value, `"`)
	return found && closes(quoted)
}

func closes(quoted string) bool {
	switch {
	case quoted == "":
		return false
	case quoted[0] == '"':
		return true
	case quoted[0] == '\\' && len(quoted) > 1 && closes(quoted[2:]):
		return true
	}
	return closes(quoted[1:])
}
