package wire

// startLine judges, byte by byte, whether the bytes can still be the start line of an HTTP/1
// message. It gets each byte once, so the verdict does not depend on how the bytes were split.
type startLine struct {
	phase  linePhase
	length int  // bytes of the line so far
	cr     bool // the byte before was a CR
}

type linePhase uint8

const (
	lineEmpty  linePhase = iota // before the line: empty lines
	lineMethod                  // in the first word of a request line
	lineRest                    // after it
	lineDone                    // the line has ended
	lineBad                     // this is not HTTP/1
)

// maxMethod is the length of the longest word that is still taken for a method.
const maxMethod = 64

// feed takes bytes up to the end of the line and returns how many it took.
func (l *startLine) feed(side Direction, p []byte) int {
	for i, c := range p {
		if l.phase >= lineDone {
			return i
		}
		l.step(side, c)
	}
	return len(p)
}

func (l *startLine) step(side Direction, c byte) {
	cr := l.cr
	l.cr = c == '\r'
	if cr && c != '\n' {
		l.phase = lineBad // a CR that ends no line
		return
	}
	switch {
	case l.phase == lineEmpty && (c == '\r' || c == '\n'):
		if side == FromServer {
			l.phase = lineBad // only a server steps over empty lines (RFC 9112 §2.2)
		}
		return
	case l.phase == lineEmpty:
		l.phase = lineMethod
	}
	switch {
	case c == '\r':
	case c == '\n':
		if l.phase == lineMethod {
			l.phase = lineBad // one word only
		} else {
			l.phase = lineDone
		}
	case c < ' ' && c != '\t' || c == 0x7f:
		l.phase = lineBad
	case side == FromServer:
		l.stepStatus(c)
	case l.phase == lineMethod && isOWS(c) && l.length > 0:
		l.phase = lineRest
	case l.phase == lineMethod && (!isTokenByte(c) || l.length >= maxMethod):
		l.phase = lineBad
	}
	l.length++
}

// stepStatus wants a status line to begin with HTTP/ in any letter case.
func (l *startLine) stepStatus(c byte) {
	const name = "http/"
	if l.length < len(name) && lower(c) != name[l.length] {
		l.phase = lineBad
	} else if l.length == len(name) {
		l.phase = lineRest
	}
}

// plausible reports whether a whole start line can be one: a status line has a status, a request
// line has a version or is an HTTP/0.9 GET.
func plausible(side Direction, raw []byte, line Span) bool {
	if side == FromServer {
		return splitStatusLine(raw, line).status > 0
	}
	l := splitRequestLine(raw, line)
	return l.version.Len() > 0 || string(raw[l.method.From:l.method.To]) == "GET" && l.target.Len() > 0
}
