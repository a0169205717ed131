package capture

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// commandLine reads a line of a command of curl, which may go on in the next line.
func (p *paste) commandLine(text string) {
	for _, end := range []string{`\`, "^", "`"} {
		if rest, ok := strings.CutSuffix(text, end); ok && len(p.unfinished)+len(rest) < wire.MaxHead {
			p.unfinished += rest + " "
			return
		}
	}
	p.unfinished += text
	p.finishCommand()
}

// finishCommand takes the request of a command line.
func (p *paste) finishCommand() {
	line := p.unfinished
	p.unfinished = ""
	_, text, ok := strings.Cut(line, "curl")
	if !ok {
		return
	}
	e := &pasted{asked: true, request: message{method: "GET"}, provisional: true}
	words := words("curl" + strings.ReplaceAll(text, `^"`, `"`))
	for i := 1; i < len(words); i++ {
		name, value, takes := option(words, i)
		if takes {
			i++
		}
		e.option(name, value)
	}
	if parse(e.url).scheme == "" && !strings.Contains(e.url, "://") && strings.Contains(e.url, ".") {
		e.url = "http://" + e.url // as curl does
	}
	if s := parse(e.url).scheme; s != "" && s != "other" {
		p.command = e
	}
}

// option returns the option at a word, in its long form, with its value; the name of an argument is
// empty. It reports whether the value is the next word.
func option(words []string, i int) (name, value string, next bool) {
	word, following := words[i], ""
	if i+1 < len(words) {
		following = words[i+1]
	}
	if long, ok := strings.CutPrefix(word, "--"); ok {
		if name, value, ok := strings.Cut(long, "="); ok {
			return name, value, false
		}
		return long, following, slices.Contains([]string{
			"header", "request", "url", "cookie", "user-agent", "referer", "user", "output", "data", "data-raw", "data-binary", "max-time",
			"connect-timeout", "resolve", "connect-to", "cacert", "cert", "key", "proxy", "write-out",
		}, long)
	}
	if len(word) < 2 || word[0] != '-' {
		return "", word, false
	}
	long := map[byte]string{'H': "header", 'X': "request", 'b': "cookie", 'A': "user-agent", 'e': "referer"}
	for j := 1; j < len(word); j++ { // such as -sSvH
		if strings.IndexByte("HXbAeuodxwmTEK", word[j]) < 0 {
			continue
		}
		if word[j+1:] != "" {
			return long[word[j]], word[j+1:], false
		}
		return long[word[j]], following, true
	}
	return "-", "", false
}

// option takes an option of a command line.
func (e *pasted) option(name, value string) {
	switch name {
	case "":
		if e.url == "" {
			e.url = value
		}
	case "url":
		e.url = value
	case "header":
		if name, value, ok := strings.Cut(value, ":"); ok && wire.IsToken(name) {
			e.request.add(name, strings.TrimSpace(value))
		}
	case "request":
		e.request.method = value
	case "cookie":
		e.request.add("Cookie", value)
	case "user-agent":
		e.request.add("User-Agent", value)
	case "referer":
		e.request.add("Referer", value)
	case "data", "data-raw", "data-binary":
		e.request.method = "POST"
	case "http1.0":
		e.request.version = "HTTP/1.0"
	case "http1.1":
		e.request.version = "HTTP/1.1"
	case "http2", "http2-prior-knowledge":
		e.request.version = "HTTP/2"
	}
}

// words splits a command line as a shell does.
func words(text string) (all []string) {
	var b strings.Builder
	open, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			if open {
				all = append(all, b.String())
				b.Reset()
			}
			open = false
			continue
		case quote == 0 && c == '$' && i+1 < len(text) && text[i+1] == '\'':
			i++
			quote = '$'
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote, quote == '$' && c == '\'':
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
		open = true
	}
	if open {
		all = append(all, b.String())
	}
	return all
}
