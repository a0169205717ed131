package report

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// lines reads the rulings that have a line each, as reports are written: that is fast, as the end
// of a line is easy to find. What follows the ruling on a line is after. At the first other line, and
// at a ruling that is not valid, the decoder goes on.
func (f *reportFile) lines(after string) error {
	if f.careful {
		return nil
	}
	l := &lines{in: io.MultiReader(bytes.NewReader(slices.Clone(f.UnreadBuffer())), f.in.Reader), at: f.offset()}
	front, gap := "", "" // what has been read before the last gap, and the gap before the next line
	if after != "" {
		front = "["
	}
	for line := l.next(); line != nil; line = l.next() {
		text, whole := bytes.CutSuffix(line, []byte(after+"\n"))
		if len(line) == 1 && gap == "" { // the rest of the line before
			gap = "\n"
			continue
		}
		var r *rules.Ruling
		if whole {
			r, _ = f.ruled(text) // the decoder finds the same error, and where it is
		}
		if r == nil {
			l.back(line)
			break
		}
		if gap = after + "\n"; after != "" {
			front = "[0" // another element may follow, after its comma
		}
		f.handed++
		f.each(r)
	}
	f.decode(io.MultiReader(strings.NewReader(front+gap), l.rest()), l.at-int64(len(front+gap)))
	for range front {
		if _, err := f.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

// lines reads a file line by line.
type lines struct {
	in   io.Reader
	buf  []byte
	from int   // of the next line in buf
	at   int64 // its offset in the file
	err  error // of in
}

// firstLine is the size of the buffer at first. It grows up to maxPortion.
const firstLine = 256 << 10

// next returns the next line with its end, which is valid until the call after it. It returns nil
// if the rest of the file has no end of a line, or the line is too long: rest has these bytes.
func (l *lines) next() []byte {
	for searched := 0; ; {
		unread := l.buf[l.from:]
		if i := bytes.IndexByte(unread[searched:], '\n'); i >= 0 {
			line := unread[:searched+i+1]
			l.from, l.at = l.from+len(line), l.at+int64(len(line))
			return line
		}
		searched = len(unread)
		if l.err != nil || searched >= maxPortion {
			return nil
		}
		l.more()
	}
}

// more reads more of the file after what is unread.
func (l *lines) more() {
	unread := len(l.buf) - l.from
	switch {
	case unread < cap(l.buf)/2:
		l.buf = l.buf[:copy(l.buf, l.buf[l.from:])]
	default:
		grown := make([]byte, unread, max(firstLine, 2*cap(l.buf)))
		copy(grown, l.buf[l.from:])
		l.buf = grown
	}
	l.from = 0
	n, err := l.in.Read(l.buf[unread:cap(l.buf)])
	l.buf, l.err = l.buf[:unread+n], err
}

// back makes the line the next one again, which must be the last one that next returned.
func (l *lines) back(line []byte) {
	l.from, l.at = l.from-len(line), l.at-int64(len(line))
}

// rest returns the rest of the file.
func (l *lines) rest() io.Reader {
	unread := bytes.NewReader(l.buf[l.from:])
	if l.err != nil {
		return io.MultiReader(unread, unreadable{l.err})
	}
	return io.MultiReader(unread, l.in)
}

// unreadable is a file that cannot be read.
type unreadable struct{ err error }

func (u unreadable) Read([]byte) (int, error) { return 0, u.err }
