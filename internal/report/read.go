package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/interlock-proxy/interlock/rules"
)

// Read reads the rulings of a report in the format json or ndjson, or of the document of a run of
// probes or of chain, and calls each with them in their order. It holds one ruling at a time, and reads none of
// more than 4 MiB. An error has the offset in the file.
func Read(r io.Reader, each func(*rules.Ruling)) error {
	return (&reportFile{each: each}).readAll(r)
}

func (f *reportFile) readAll(r io.Reader) error {
	f.decode(r, 0)
	err := f.read()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		err = syntax.Err
	}
	switch {
	case errors.Is(err, errEmpty):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("at byte %d: the file ends within a value", f.offset())
	case err != nil && f.handed == 0 && !errors.Is(err, errPortion) && !errors.Is(err, errNoReport):
		return fmt.Errorf("%w (at byte %d: %w)", errNoReport, f.offset(), err)
	case err != nil:
		return fmt.Errorf("at byte %d: %w", f.offset(), err)
	}
	return nil
}

var (
	errEmpty    = errors.New("the file is empty")
	errNoReport = errors.New("it is not a report of -o json or -o ndjson")
	errPortion  = fmt.Errorf("a value of more than %d MiB", maxPortion>>20)
)

// maxPortion is how many bytes a ruling may take in a file.
const maxPortion = 5 << 20

// A portion fails to read when too much is read in one go: its reader sets left for each go.
type portion struct {
	io.Reader
	used int
}

// Read is part of io.Reader.
func (p *portion) Read(b []byte) (int, error) {
	if p.used >= maxPortion {
		return 0, errPortion
	}
	n, err := p.Reader.Read(b[:min(len(b), maxPortion-p.used)])
	p.used += n
	return n, err
}

// reportFile is a report that is being read.
type reportFile struct {
	*jsontext.Decoder
	in      *portion
	before  int64 // offset in the file at which in begins
	rulings rules.RulingReader
	each    func(*rules.Ruling)
	handed  int  // rulings
	careful bool // each ruling is read in full by the decoder, for tests that compare the two
}

// decode goes on with the file at an offset, after that of the decoder.
func (f *reportFile) decode(in io.Reader, at int64) {
	f.in, f.before = &portion{Reader: in}, at
	f.Decoder = jsontext.NewDecoder(f.in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func (f *reportFile) offset() int64 { return f.before + f.InputOffset() }

func (f *reportFile) read() error {
	first, err := f.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return errEmpty
	case err != nil:
		return err
	case first.Kind() == '[':
		if err := f.lines(","); err != nil {
			return err
		}
		return f.rest(f.ruling)
	case first.Kind() != '{':
		return errNoReport
	}
	if err := f.object(); err != nil {
		return err
	}
	if err := f.lines(""); err != nil {
		return err
	}
	for {
		if err := f.ruling(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// object reads the first object after its brace: the document of a run, or the ruling of a line.
func (f *reportFile) object() error {
	document := false
	members := map[string]json.RawMessage{}
	err := f.members(func(key string) error {
		if key == "endpoints" || key == "hops" {
			document = true
			return f.list(f.endpoint)
		}
		value, err := f.ReadValue()
		members[key] = json.RawMessage(slices.Clone(value))
		return err
	})
	if err != nil || document {
		return err
	}
	b, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return f.hand(b)
}

// endpoint reads one endpoint, or one hop, of the document of a run.
func (f *reportFile) endpoint() error {
	if err := f.open('{'); err != nil {
		return err
	}
	return f.members(func(key string) error {
		if key == "results" {
			return f.list(f.result)
		}
		return f.SkipValue()
	})
}

func (f *reportFile) result() error {
	var one struct{ Ruling json.RawMessage }
	value, err := f.ReadValue()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(value, &one); err != nil {
		return err
	}
	if string(one.Ruling) == "null" { // it was not sent
		f.in.used = 0
		return nil
	}
	return f.hand(one.Ruling)
}

func (f *reportFile) ruling() error {
	b, err := f.ReadValue()
	if err != nil {
		return err
	}
	return f.hand(b)
}

func (f *reportFile) ruled(b []byte) (*rules.Ruling, error) {
	if f.careful {
		return rules.ReadRuling(b)
	}
	return f.rulings.Read(b)
}

// hand decodes a ruling and calls each with it.
func (f *reportFile) hand(b []byte) error {
	f.in.used = 0
	r, err := f.ruled(b)
	if err == nil {
		f.handed++
		f.each(r)
	}
	return err
}

// members reads an object after its brace, and calls value for each member.
func (f *reportFile) members(value func(key string) error) error {
	for f.PeekKind() != '}' {
		key, err := f.ReadToken()
		if err != nil {
			return err
		}
		if err := value(key.String()); err != nil {
			return err
		}
	}
	_, err := f.ReadToken()
	return err
}

// list reads an array, each element by element.
func (f *reportFile) list(element func() error) error {
	if err := f.open('['); err != nil {
		return err
	}
	return f.rest(element)
}

// rest reads an array after its bracket.
func (f *reportFile) rest(element func() error) error {
	for f.PeekKind() != ']' {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := f.ReadToken()
	return err
}

func (f *reportFile) open(delim jsontext.Kind) error {
	is, err := f.ReadToken()
	if err == nil && is.Kind() != delim {
		err = errNoReport
	}
	return err
}
