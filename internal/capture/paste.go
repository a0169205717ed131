package capture

import (
	"regexp"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// A paste is text that people copy from a terminal or a browser: the output of curl -v or curl -i,
// the headers of devtools, a command of "copy as cURL", a line of the console of a browser. It is
// read line by line. What it does not keep is listed in Lossy, and nothing is made up.
type paste struct {
	*session
	patterns   patterns
	quoted     bool    // the lines of curl are quoted once more, as in an e-mail
	now        *pasted // the exchange under way; nil if there is none
	part       part    // of that, to which lines belong
	key        string  // a name of devtools whose value is in the next line
	command    *pasted // the request of a command line of curl that is not seen otherwise
	unfinished string  // a command line that goes on in the next line
	connection connected
	found      bool   // something that was worth a paste
	trouble    string // why curl -v could not connect, in its last remark about that
}

// A pasted is an exchange as far as a paste shows it.
type pasted struct {
	url               string // absolute; empty if the paste does not have it
	request, response message
	target            string // of the request line, if there is one
	marked            bool   // by curl -v: unmarked lines are not part of it
	provisional       bool   // the browser shows the headers that it meant to send
	asked             bool   // the paste shows the request, at least in part
	console           bool   // the paste shows nothing but the URL and the status
	from              connected
	end               wire.Cause // how the connection ended without a response
	content           []byte     // how the body of the response begins
}

// connected is what curl -v says about its connection.
type connected struct {
	address string // of the server, with its port
	tls     bool
}

// A part is a part of an exchange.
type part uint8

const (
	outside      part = iota
	general           // what devtools show beside the headers
	requestHead       // as devtools show it
	responseHead      // as devtools show it
	requestRaw        // line by line as on the wire
	responseRaw
)

// patterns are the forms of lines.
type patterns struct {
	time, requestLine, statusLine, title, prompt, field *regexp.Regexp
	failed, firefox, network, unexpected, connected     *regexp.Regexp
	url, trouble                                        *regexp.Regexp
}

func newPatterns() patterns {
	r := regexp.MustCompile
	return patterns{
		time:        r(`^(?:\[?\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d[.,]\d{3,9}Z?\]? +(?:\[\d+-\d+\] )?`),
		requestLine: r(`^([A-Z]+) (\S+) (HTTP/[0-9.]{1,3})$`),
		statusLine:  r(`^(HTTP/[0-9.]{1,3}) ([1-9]\d\d)(?: (.*))?$`),
		title:       r(`(?i)^(general|request headers|response headers)(?: ?\([^)]+\))?:?(?: ?(?:view source|view parsed|raw|parsed?))*$`),
		prompt:      r(`^(?:.*[$#%>❯➜] ?|PS [^>]*> ?|[A-Za-z]:\\[^>]*>)?\s*curl(?:\.exe)? `),
		field:       r(`^([!#$%&'*+.^_|~0-9A-Za-z-]+):(\s+.*|[^\s/].*|/[^\s/].*)?$`), // not http://
		failed:      r(`WebSocket connection to '(wss?://[^']+)' failed:? ?(.*)$`),
		firefox:     r(`(?:establish a connection to the server at|The connection to) (wss?://\S+?)(?: was interrupted.*|\.?)$`),
		network:     r(`^(?:GET\s?(wss?://\S+))?\s*\[(HTTP/[0-9.]{1,3}) (\d{3})(?: (.*?))?(?: [\d.]+ ?m?s)?\]$`),
		unexpected:  r(`(?:Unexpected server response: |server rejected WebSocket connection: HTTP |bad handshake.* |Handshake status |Unexpected response code: )([1-5]\d\d)\b`),
		url:         r(`^(?:wss?|https?)://\S+$`),
		trouble:     r(`^(?:Failed to connect to |connect to \S+ port \d+ failed: |Could not resolve host|Connection timed out|SSL certificate problem: |.*SSL routines:.*:wrong version number)`),
		connected:   r(`^(?:Connected to|Established connection to|Re-using existing connection.* host) \S+ \(([0-9A-Fa-f.:]+?)(?: port \d+)?\) port (\d+)`),
	}
}

// maxPaste is the length of the longest paste that is read, in bytes.
const maxPaste = 4 << 20

// readPaste reads a text as a paste. It reports whether the text is one.
func readPaste(s *session, text string) bool {
	if len(text) > maxPaste {
		return false
	}
	p := &paste{session: s, patterns: newPatterns()}
	text = strings.TrimPrefix(text, byteOrderMark)
	p.quoted = strings.Contains(text, "\n> > ") && strings.Contains(text, "\n> < ")
	for line := range strings.Lines(text) {
		p.line(line)
	}
	p.finishCommand()
	p.flush()
	if len(p.report.Failures) == 0 && p.trouble != "" { // curl -s says no more about it
		p.failed(p.trouble)
	}
	return p.found
}

// line reads one line.
func (p *paste) line(line string) {
	length := len(line)
	text := strings.TrimSpace(line)
	if p.quoted {
		if rest, ok := strings.CutPrefix(text, "> "); ok {
			text = strings.TrimSpace(rest)
		} else if text == ">" {
			text = ""
		}
	}
	if text != "" && (text[0] == '[' || text[0] >= '0' && text[0] <= '9') {
		text = text[len(p.patterns.time.FindString(text)):]
	}
	switch {
	case p.unfinished != "":
		p.commandLine(text)
	case strings.Contains(text, "curl") && p.patterns.prompt.MatchString(text):
		p.flush()
		p.commandLine(text)
	case p.title(text), p.console(text), p.failure(text):
	case isCurlMark(text):
		p.curl(text[0], strings.TrimPrefix(text[1:], " "))
	case p.now != nil && p.now.marked:
		p.wrapped(text)
	case p.startLine(text):
	default:
		p.devtools(text)
	}
	p.last(length)
}

// isCurlMark reports whether curl -v has marked the line.
func isCurlMark(text string) bool {
	return text != "" && strings.IndexByte("<>*", text[0]) >= 0 && (len(text) == 1 || text[1] == ' ')
}

// startLine begins the head of a message that is not marked.
func (p *paste) startLine(text string) bool {
	if m := p.requestLine(text); m != nil {
		if p.now != nil && p.now.target != "" {
			p.flush()
		}
		p.begin().ask(m)
		p.part = requestRaw
		return true
	}
	if m := p.statusLine(text); m != nil {
		p.answer(m)
		p.part = responseRaw
		return true
	}
	return false
}

// requestLine returns the parts of a request line. What can be told without a pattern is.
func (p *paste) requestLine(text string) []string {
	if !strings.Contains(text, " HTTP/") {
		return nil
	}
	return p.patterns.requestLine.FindStringSubmatch(text)
}

// statusLine returns the parts of a status line.
func (p *paste) statusLine(text string) []string {
	if !strings.HasPrefix(text, "HTTP/") {
		return nil
	}
	return p.patterns.statusLine.FindStringSubmatch(text)
}

// begin returns the exchange under way, or a new one.
func (p *paste) begin() *pasted {
	if p.now == nil {
		p.now = &pasted{from: p.connection}
		if p.command != nil {
			p.now.url = p.command.url
		}
	}
	return p.now
}

// ask takes a request line.
func (e *pasted) ask(m []string) {
	e.asked, e.request.method, e.target, e.request.version = true, m[1], m[2], m[3]
}

// answer takes a status line.
func (p *paste) answer(m []string) {
	if e := p.now; e != nil && (e.response.status >= 200 || e.response.status == 101) && len(e.response.fields) > 0 {
		p.flush()
	}
	if p.now == nil && p.command != nil {
		p.now, p.command = p.command, nil
	}
	e := p.begin()
	e.response = message{version: m[1], reason: m[3], status: float64(m[2][0]-'0')*100 + float64(m[2][1]-'0')*10 + float64(m[2][2]-'0')}
}

// flush observes the exchange under way.
func (p *paste) flush() {
	e := p.now
	if e == nil {
		e = p.command
	}
	p.now, p.command, p.part, p.key = nil, nil, outside, ""
	if e != nil {
		p.observe(e)
	}
}

// add adds a header to a message. It keeps as many as a head has room for.
func (m *message) add(name, value string) {
	if m.bytes += len(name) + len(value) + len(": \r\n"); m.bytes <= wire.MaxHead {
		m.fields = append(m.fields, field{name, value})
	}
}
