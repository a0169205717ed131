package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Transcript is what was seen on one connection, as text that people can read and write: lines of
// key: value, an empty line, then the bytes in their order, those from the client after "> ", those
// from the server after "< ", with \r \n \t \\ and \xHH for everything that is not printable ASCII.
// "! idle 60s" says that no byte came for so long. A last line says who ended the connection if that
// matters: "! closed" and "! reset" the server, "! client closed" and "! client reset" the client;
// "! lost" and "! client lost" say that the server or the client no longer answered, "! stopped" that
// we ended the connection, "! silent" that no response came in time.
//
// Where both sides of a proxy were seen, ">> ", "<< " and "!! " are the same for its connection to the
// server: the bytes from the proxy, those from the server, and how that connection ended. "!! seen
// WORD" and a text after it is a [Sighting].
type Transcript struct {
	Meta   []Meta
	Chunks []Chunk
	End    string // "", or one of ends
	FarEnd string // the same of the far side of a proxy
	Seen   []Sighting
}

// Meta is one line of what is said about a transcript.
type Meta struct{ Key, Value string }

// A Chunk is a run of bytes of one direction. The next chunk has the other direction or the other
// side, or comes after a time without a byte.
type Chunk struct {
	From  Direction
	Far   bool // on the connection from a proxy to the server
	Bytes []byte
	Idle  time.Duration // how long no byte came after it
}

// maxIdle is the longest time without a byte that a transcript can tell of.
const maxIdle = 30 * 24 * time.Hour

// ParseTranscript reads a transcript. An error names the line.
func ParseTranscript(text []byte) (*Transcript, error) {
	t := new(Transcript)
	rest := string(text)
	number, body := 0, false
	for rest != "" {
		var text string
		text, rest, _ = strings.Cut(rest, "\n")
		number++
		var err error
		switch {
		case body:
			err = t.parseLine(text)
		case text == "":
			body = true
		default:
			key, value, ok := strings.Cut(text, ": ")
			if !ok || key == "" || strings.ContainsAny(key, " \t") {
				err = fmt.Errorf("%q is not a \"key: value\" line", text)
			} else if negative := negativeNumber(key, value); negative != "" {
				err = fmt.Errorf("%s: %.40q is negative; counts and times are not", key, negative)
			}
			t.Meta = append(t.Meta, Meta{Key: key, Value: value})
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return t, nil
}

func (t *Transcript) parseLine(text string) error {
	mark, rest, marked := strings.Cut(text, " ")
	if !marked {
		mark = ""
	}
	far, end := len(mark) == 2, &t.End
	if far {
		end = &t.FarEnd
	}
	switch {
	case text == "":
		return nil
	case mark == "!" && strings.HasPrefix(rest, "idle "):
		if t.End != "" {
			break
		}
		return t.parseIdle(rest[len("idle "):])
	case mark == "!!" && strings.HasPrefix(rest, "seen "):
		return t.parseSighting(rest[len("seen "):])
	case mark == ">", mark == ">>", mark == "<", mark == "<<":
		if *end != "" {
			break
		}
		from := FromClient
		if mark[0] == '<' {
			from = FromServer
		}
		b, err := unescape(rest, len(mark)+2)
		if err == nil {
			t.add(from, far, b)
		}
		return err
	case (mark == "!" || mark == "!!") && slices.Contains(ends(), rest):
		if *end != "" {
			break
		}
		*end = rest
		return nil
	case t.End == "":
		return fmt.Errorf("%q begins with none of \"> \", \"< \", \">> \", \"<< \", \"! idle \", \"! %s\"", text, strings.Join(ends(), "\", \"! "))
	}
	return fmt.Errorf("%q follows the end", text)
}

func (t *Transcript) parseIdle(text string) error {
	idle, err := time.ParseDuration(text)
	if err != nil || idle <= 0 || idle > maxIdle || len(t.Chunks) == 0 {
		return fmt.Errorf("\"! idle %s\": want a time such as 60s, at most %v, after the first bytes", text, maxIdle)
	}
	last := &t.Chunks[len(t.Chunks)-1]
	last.Idle = min(last.Idle+idle, maxIdle)
	return nil
}

// ends are the ways in which a connection can end.
func ends() []string {
	return []string{"closed", "reset", "lost", "silent", "client closed", "client reset", "client lost", "stopped"}
}

// Add appends bytes to the transcript. It copies them.
func (t *Transcript) Add(from Direction, b []byte) { t.add(from, false, b) }

// AddFar is Add for the far side of a proxy.
func (t *Transcript) AddFar(from Direction, b []byte) { t.add(from, true, b) }

func (t *Transcript) add(from Direction, far bool, b []byte) {
	if len(b) == 0 {
		return
	}
	if n := len(t.Chunks); n > 0 && t.Chunks[n-1].From == from && t.Chunks[n-1].Far == far && t.Chunks[n-1].Idle == 0 {
		t.Chunks[n-1].Bytes = append(t.Chunks[n-1].Bytes, b...)
		return
	}
	t.Chunks = append(t.Chunks, Chunk{From: from, Far: far, Bytes: bytes.Clone(b)})
}

// unescape reads the bytes of a line, which begin at that column.
func unescape(text string, column int) ([]byte, error) {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < ' ' || c > '~' {
			return nil, fmt.Errorf("byte %#02x at column %d must be written as \\x%02x", c, i+column, c)
		}
		if c != '\\' {
			b = append(b, c)
			continue
		}
		i++
		rest := text[i:]
		switch {
		case rest != "" && strings.IndexByte(`rnt\`, rest[0]) >= 0:
			b = append(b, "\r\n\t\\"[strings.IndexByte(`rnt\`, rest[0])])
		case len(rest) >= 3 && rest[0] == 'x' && hexDigit(rest[1]) >= 0 && hexDigit(rest[2]) >= 0:
			b = append(b, byte(hexDigit(rest[1])<<4|hexDigit(rest[2])))
			i += 2
		default:
			return nil, fmt.Errorf("unknown escape %q at column %d", `\`+rest[:min(len(rest), 1)], i+column-1)
		}
	}
	return b, nil
}

// String is the transcript as text. Lines end where an LF was sent.
func (t *Transcript) String() string {
	var b strings.Builder
	for _, m := range t.Meta {
		fmt.Fprintf(&b, "%s: %s\n", m.Key, m.Value)
	}
	b.WriteByte('\n')
	for _, c := range t.Chunks {
		mark := c.mark()
		for line := range bytes.Lines(c.Bytes) {
			b.WriteString(mark)
			b.WriteString(Escape(line))
			b.WriteByte('\n')
		}
		if c.Idle > 0 {
			b.WriteString("! idle " + c.Idle.String() + "\n")
		}
	}
	if t.End != "" {
		b.WriteString("! " + t.End + "\n")
	}
	if t.FarEnd != "" {
		b.WriteString("!! " + t.FarEnd + "\n")
	}
	for _, s := range t.Seen {
		b.WriteString("!! " + s.line() + "\n")
	}
	return b.String()
}

// mark is what the lines of a chunk begin with.
func (c *Chunk) mark() string {
	marks := [2]string{FromClient: "> ", FromServer: "< "}
	if c.Far {
		marks = [2]string{FromClient: ">> ", FromServer: "<< "}
	}
	return marks[c.From]
}

// Escape writes bytes in the notation of a transcript.
func Escape(p []byte) string {
	b := make([]byte, 0, len(p)+8)
	for _, c := range p {
		switch {
		case c == '\\':
			b = append(b, `\\`...)
		case ' ' <= c && c <= '~':
			b = append(b, c)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'x', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return string(b)
}
