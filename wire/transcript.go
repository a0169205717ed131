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
// A last line says who ended the connection if that matters: "! closed" and "! reset" the server,
// "! client closed" and "! client reset" the client; "! silent" says that no response came in time.
type Transcript struct {
	Meta   []Meta
	Chunks []Chunk
	End    string // "", or one of ends
}

// Meta is one line of what is said about a transcript.
type Meta struct{ Key, Value string }

// A Chunk is a run of bytes of one direction; the next chunk has the other direction.
type Chunk struct {
	From  Direction
	Bytes []byte
}

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
	switch {
	case t.End != "" && text != "":
		return fmt.Errorf("%q follows the end", text)
	case strings.HasPrefix(text, "> "):
		return t.parseBytes(FromClient, text[2:])
	case strings.HasPrefix(text, "< "):
		return t.parseBytes(FromServer, text[2:])
	case strings.HasPrefix(text, "! ") && slices.Contains(ends(), text[2:]):
		t.End = text[2:]
		return nil
	case text == "":
		return nil
	}
	return fmt.Errorf("%q begins with none of \"> \", \"< \", \"! %s\"", text, strings.Join(ends(), "\", \"! "))
}

// ends are the ways in which a connection can end.
func ends() []string { return []string{"closed", "reset", "silent", "client closed", "client reset"} }

func (t *Transcript) parseBytes(from Direction, text string) error {
	b, err := unescape(text)
	if err != nil {
		return err
	}
	t.Add(from, b)
	return nil
}

// Add appends bytes to the transcript. It copies them.
func (t *Transcript) Add(from Direction, b []byte) {
	if len(b) == 0 {
		return
	}
	if n := len(t.Chunks); n > 0 && t.Chunks[n-1].From == from {
		t.Chunks[n-1].Bytes = append(t.Chunks[n-1].Bytes, b...)
		return
	}
	t.Chunks = append(t.Chunks, Chunk{From: from, Bytes: bytes.Clone(b)})
}

func unescape(text string) ([]byte, error) {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < ' ' || c > '~' {
			return nil, fmt.Errorf("byte %#02x at column %d must be written as \\x%02x", c, i+3, c)
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
			return nil, fmt.Errorf("unknown escape %q at column %d", `\`+rest[:min(len(rest), 1)], i+2)
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
		mark := "> "
		if c.From == FromServer {
			mark = "< "
		}
		for line := range bytes.Lines(c.Bytes) {
			b.WriteString(mark)
			b.WriteString(Escape(line))
			b.WriteByte('\n')
		}
	}
	if t.End != "" {
		b.WriteString("! " + t.End + "\n")
	}
	return b.String()
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

// Exchanges judges nothing: it plays the transcript to a [Conversation] and returns what that
// reports, each exchange in its last form, in the order in which they were first reported. Every
// chunk comes a millisecond after the one before.
func (t *Transcript) Exchanges(common Common) []*Exchange {
	var order []string
	last := map[string]*Exchange{}
	names := 0
	common.NewID = func(time.Time) string { names++; return fmt.Sprint(names) }
	common.Emit = func(x *Exchange) {
		if last[x.ID] == nil {
			order = append(order, x.ID)
		}
		if t.End == "" && x.Response == nil && x.Outcome == Closed { // the transcript does not say that the connection ended
			unseen := *x
			unseen.Outcome, unseen.Cause = Unseen, ""
			x = &unseen
		}
		last[x.ID] = x
	}
	if common.Counts == nil {
		common.Counts = new(Counts)
	}
	if common.Origin == "" {
		common.Origin = OriginFile
	}
	now := time.Unix(0, 0).UTC()
	var c Conversation
	c.Open(&common)
	for _, chunk := range t.Chunks {
		now = now.Add(time.Millisecond)
		c.Feed(chunk.From, chunk.Bytes, now)
		c.Wrote(chunk.From, len(chunk.Bytes))
	}
	t.finish(&c, now)
	found := make([]*Exchange, 0, len(order))
	for _, id := range order {
		found = append(found, last[id])
	}
	return found
}

func (t *Transcript) finish(c *Conversation, now time.Time) {
	switch t.End {
	case "silent":
		c.Tick(now.Add(SilentAfter))
		c.Settle(CauseClient, now.Add(SilentAfter))
	case "reset":
		c.Settle(CauseServerReset, now)
	case "closed":
		c.Ended(FromServer, now)
		c.Settle(CauseServer, now)
	case "client reset":
		c.Settle(CauseClientReset, now)
	case "client closed":
		c.Ended(FromClient, now)
		c.Settle(CauseClient, now)
	default:
		c.Settle(CauseClient, now)
	}
}

// Transcript returns what was recorded of the exchange: the heads in their order, then the first
// bytes of the tunnel from the client and from the server.
func (x *Exchange) Transcript() *Transcript {
	t := new(Transcript)
	t.Add(FromClient, x.Request.Raw)
	for _, p := range x.Interim {
		t.Add(FromServer, p.Raw)
	}
	if x.Former != nil {
		t.Add(FromServer, x.Former.Raw)
	}
	t.Add(FromServer, x.Noise)
	if x.Response != nil {
		t.Add(FromServer, x.Response.Raw)
	}
	t.Add(FromClient, x.After.Client)
	t.Add(FromServer, x.After.Server)
	switch {
	case x.Outcome == Silent:
		t.End = "silent"
	case x.Response != nil && x.Response.unfinished():
		t.End = "closed"
	case x.Outcome != Closed && !x.After.Ended:
	case x.Cause == CauseServerReset:
		t.End = "reset"
	case x.Cause == CauseServer:
		t.End = "closed"
	case x.Cause == CauseClientReset:
		t.End = "client reset"
	case x.Cause == CauseClient && x.Outcome == Closed: // of a tunnel, that goes without saying
		t.End = "client closed"
	}
	return t
}
