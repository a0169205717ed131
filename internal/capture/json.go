package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// isJSON reports whether a file begins like a JSON object.
func isJSON(begin []byte) bool {
	begin = bytes.TrimLeft(bytes.TrimPrefix(begin, []byte(byteOrderMark)), " \t\r\n")
	return len(begin) > 0 && begin[0] == '{'
}

const (
	byteOrderMark = "\xef\xbb\xbf"
	maxString     = 64 << 10 // characters of a string of JSON that are read, as they are written; the rest is left out
	maxDepth      = 256      // of values within values
)

// A walker goes through JSON token by token, so that no value is ever in memory as a whole.
type walker struct {
	*json.Decoder
	shortened *shortener
}

func newWalker(r io.Reader) *walker {
	s := &shortener{r: r}
	return &walker{json.NewDecoder(s), s}
}

// offset returns the position of the walker in the file.
func (w *walker) offset() int64 { return w.shortened.original(w.InputOffset()) }

// object reads an object. Each value is read by member, or skipped. Any other value is skipped.
func (w *walker) object(member func(key string) (read bool, err error)) error {
	return w.within('{', func() error {
		t, err := w.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		read, err := member(key)
		if !read && err == nil {
			err = w.skip()
		}
		return err
	})
}

// array goes through an array.
func (w *walker) array(element func() error) error { return w.within('[', element) }

func (w *walker) within(open json.Delim, each func() error) error {
	t, err := w.Token()
	if err != nil {
		return err
	}
	if t != open {
		return w.rest(t)
	}
	for w.More() {
		if err := each(); err != nil {
			return err
		}
	}
	_, err = w.Token()
	return err
}

// skip passes over the next value.
func (w *walker) skip() error {
	t, err := w.Token()
	if err != nil {
		return err
	}
	return w.rest(t)
}

// rest skips the rest of a value that begins with that token.
func (w *walker) rest(t json.Token) (err error) {
	for depth := 0; ; {
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxDepth {
				return errors.New("values are nested too deep")
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if t, err = w.Token(); err != nil {
			return err
		}
	}
}

// text reads a string. Any other value is skipped and read as empty.
func (w *walker) text(into *string) error {
	t, err := w.Token()
	if err != nil {
		return err
	}
	if s, ok := t.(string); ok {
		*into = s
		return nil
	}
	return w.rest(t)
}

// number reads a number. Any other value is skipped and changes nothing.
func (w *walker) number(into *float64) error {
	t, err := w.Token()
	if err != nil {
		return err
	}
	if n, ok := t.(float64); ok {
		*into = n
		return nil
	}
	return w.rest(t)
}

// A shortener passes JSON on and drops the rest of long strings, so that its reader need not hold
// bodies that are not needed.
type shortener struct {
	r      io.Reader
	string bool // within a string
	escape int  // bytes of an escape that are still to come
	length int  // of the string so far
	passed int64
	left   int64
	gaps   []gap // where bytes were left out, as far as it was asked for no later place
}

// A gap records how many bytes were dropped before a position of the output.
type gap struct{ at, left int64 }

func (s *shortener) Read(p []byte) (int, error) {
	for {
		n, err := s.r.Read(p)
		kept := s.shorten(p[:n])
		if kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}

// shorten moves the kept bytes to the front.
func (s *shortener) shorten(p []byte) int {
	kept := 0
	for _, c := range p {
		drop := false
		switch {
		case !s.string:
			s.string, s.length = c == '"', 0
		case s.escape > 0:
			drop = s.length > maxString
			if s.escape--; s.escape == 0 && c == 'u' {
				s.escape = -4
			}
		case s.escape < 0:
			drop = s.length > maxString
			s.escape++
		case c == '"':
			s.string = false
		default:
			s.length++
			drop = s.length > maxString
			if c == '\\' {
				s.escape = 1
			}
		}
		if drop {
			s.left++
			continue
		}
		if n := len(s.gaps); s.left > 0 && (n == 0 || s.gaps[n-1].left != s.left) {
			s.gaps = append(s.gaps, gap{s.passed, s.left})
		}
		p[kept] = c
		kept++
		s.passed++
	}
	return kept
}

// original is where in the file a place was that is passed on. Later questions are about later
// places.
func (s *shortener) original(at int64) int64 {
	i := slices.IndexFunc(s.gaps, func(g gap) bool { return g.at > at })
	if i < 0 {
		i = len(s.gaps)
	}
	if i == 0 {
		return at
	}
	s.gaps = s.gaps[i-1:]
	return at + s.gaps[0].left
}
