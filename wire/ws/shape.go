package ws

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The bounds of the shape of a JSON text.
const (
	maxShapeBytes = 512
	maxShapeDepth = 6
	maxShapeKeys  = 16 // of an object
	maxKeyBytes   = 32
)

// shapeOf says what can be told of a payload without any of its values: the code of a Close frame, and
// of JSON the keys and the types, such as {"type": string, "items": [{"id": number}, 2 more]}. It is
// empty for everything else. Of a payload that is not whole, b is the beginning.
func shapeOf(kind Kind, b []byte, whole bool) string {
	switch {
	case kind == Close && len(b) >= 2:
		return fmt.Sprintf("code %d", binary.BigEndian.Uint16(b))
	case kind != Text:
		return ""
	}
	s := shaper{tokens: json.NewDecoder(bytes.NewReader(b))}
	s.tokens.UseNumber()
	err := s.value(0)
	if err == nil {
		if _, after := s.tokens.Token(); after != io.EOF {
			return ""
		}
	}
	switch {
	case err == nil:
		return s.out.String()
	case s.out.Len() > 0 && (errors.Is(err, errShapeFull) || !whole && errors.Is(err, io.ErrUnexpectedEOF)):
		return s.out.String() + "..."
	}
	return ""
}

// errShapeFull says that a shape is as long as it may be.
var errShapeFull = errors.New("the shape is full")

// A shaper writes the shape of a JSON text.
type shaper struct {
	tokens *json.Decoder
	out    strings.Builder
}

// next returns the next token. At the end of the text there is an error.
func (s *shaper) next() (json.Token, error) {
	token, err := s.tokens.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return token, err
}

// value writes the shape of the next value.
func (s *shaper) value(depth int) error {
	if s.out.Len() > maxShapeBytes {
		return errShapeFull
	}
	token, err := s.next()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case json.Delim:
		switch {
		case depth == maxShapeDepth && t == '{':
			s.out.WriteString("{...}")
			err = s.leave()
		case depth == maxShapeDepth:
			s.out.WriteString("[...]")
			err = s.leave()
		case t == '{':
			err = s.object(depth + 1)
		default:
			err = s.array(depth + 1)
		}
	case string:
		s.out.WriteString("string")
	case json.Number:
		s.out.WriteString("number")
	case bool:
		s.out.WriteString("boolean")
	default:
		s.out.WriteString("null")
	}
	return err
}

// object writes the shape of an object whose beginning was read.
func (s *shaper) object(depth int) error {
	s.out.WriteByte('{')
	for n := 0; s.tokens.More(); n++ {
		if n > 0 {
			s.out.WriteString(", ")
		}
		if n == maxShapeKeys {
			s.out.WriteString("...}")
			return s.leave()
		}
		token, err := s.next()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if !isName(key) {
			key = "*"
		}
		s.out.WriteString(`"` + key + `": `)
		if err := s.value(depth); err != nil {
			return err
		}
	}
	_, err := s.next()
	if err == nil {
		s.out.WriteByte('}')
	}
	return err
}

// array writes the shape of the first element, and how many more there are.
func (s *shaper) array(depth int) error {
	s.out.WriteByte('[')
	n := 0
	for ; s.tokens.More(); n++ {
		var err error
		if n == 0 {
			err = s.value(depth)
		} else {
			err = s.pass()
		}
		if err != nil {
			return err
		}
	}
	if n > 1 {
		fmt.Fprintf(&s.out, ", %d more", n-1)
	}
	_, err := s.next()
	if err == nil {
		s.out.WriteByte(']')
	}
	return err
}

// pass reads a value and writes nothing.
func (s *shaper) pass() error {
	token, err := s.next()
	if _, opens := token.(json.Delim); err == nil && opens {
		err = s.leave()
	}
	return err
}

// leave reads up to the end of the object or array at hand.
func (s *shaper) leave() error {
	for open := 1; open > 0; {
		token, err := s.next()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
	}
	return nil
}

// isName reports whether a key looks like a name that a programmer chose, so that it can be shown. A
// key may be data instead, such as a token, a number or an address in a table. A name is short, consists
// of words of letters with separators or capitals between them, and has digits only after a word. A word
// can be said: it does not have many consonants in a row.
func isName(key string) bool {
	if key == "" || len(key) > maxKeyBytes {
		return false
	}
	var digits, words, consonants, letters int
	for i := range len(key) {
		c, before, after := key[i], byte('.'), byte('.')
		if i > 0 {
			before = key[i-1]
		}
		if i+1 < len(key) {
			after = key[i+1]
		}
		consonants++
		switch {
		case isLower(c), isUpper(c):
			if isDigit(before) {
				return false
			}
			if !isLower(before) && !isUpper(before) || isUpper(c) && (isLower(before) || isLower(after)) {
				words++
				consonants = 1
			}
			letters++
			if strings.IndexByte("aeiouyAEIOUY", c) >= 0 {
				consonants = 0
			}
		case isDigit(c) && (isLower(before) || isUpper(before) || isDigit(before)):
			digits++
			consonants = 0
		case strings.IndexByte("_-.:/$", c) >= 0:
			consonants = 0
		default:
			return false
		}
		if consonants > 5 {
			return false
		}
	}
	return letters > 0 && digits <= 3 && words <= max(2, 1+letters/4)
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
