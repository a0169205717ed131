package rules

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/interlock-proxy/interlock/wire"
)

// A RulingReader reads many rulings, such as those of a report. Most of them end in the same text as
// one before, which has their findings: it remembers some of these texts and decodes each once.
// The zero value is ready for use, by one goroutine at a time.
type RulingReader struct {
	seed maphash.Seed
	ends [256]*rulingEnd // by hash of the text; a later one takes the place of another
	head []byte          // a buffer
}

// maxEndText is the longest text of an end that is remembered, in bytes.
const maxEndText = 16 << 10

// rulingEnd is a ruling from its findings on.
type rulingEnd struct {
	text      []byte
	findings  []Finding // nothing changes what is in them
	diagnoses []Diagnosis
	sizes     [2]int // bytes of the request and of the response that spans reach to
	cut       bool   // some spans are outside of the exchange that it was read with
}

// Read returns what [ReadRuling] returns.
func (d *RulingReader) Read(b []byte) (*Ruling, error) {
	at := bytes.Index(b, []byte(`,"findings":[`))
	if at < 0 || len(b) > maxRuling {
		return ReadRuling(b)
	}
	d.head = append(append(d.head[:0], b[:at]...), '}')
	var j rulingRead
	if jsonv1.Unmarshal(d.head, &j) != nil || j.Findings != nil || j.Diagnoses != nil {
		return ReadRuling(b)
	}
	x, err := j.exchange()
	if err != nil {
		return ReadRuling(b)
	}
	end := d.end(b[at:], x)
	if end == nil {
		return ReadRuling(b)
	}
	r := j.ruling(x)
	r.Findings, r.Diagnoses = append(make([]Finding, 0, len(end.findings)), end.findings...), slices.Clone(end.diagnoses)
	return r, nil
}

// end returns the end of a ruling, and nil if it has members in an unusual order or is not valid.
func (d *RulingReader) end(text []byte, x *wire.Exchange) *rulingEnd {
	if len(text) > maxEndText {
		return readEnd(text, x)
	}
	if d.seed == (maphash.Seed{}) {
		d.seed = maphash.MakeSeed()
	}
	place := &d.ends[maphash.Bytes(d.seed, text)%uint64(len(d.ends))]
	if is := *place; is != nil && bytes.Equal(is.text, text) && is.sizes[0] <= partSize(x, InRequest) && is.sizes[1] <= partSize(x, InResponse) {
		return is
	}
	is := readEnd(text, x)
	if is != nil && !is.cut {
		is.text = slices.Clone(text)
		*place = is
	}
	return is
}

// readEnd reads the members from the findings on, after which a ruling has only those of a report
// that are not read.
func readEnd(text []byte, x *wire.Exchange) *rulingEnd {
	in := bytes.NewBuffer(append([]byte{'{'}, text[1:]...))
	dec := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	is := &rulingEnd{}
	if _, err := dec.ReadToken(); err != nil || !is.readFindings(dec, x) {
		return nil
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil
		}
		switch name.String() {
		case "diagnoses":
			value, err := dec.ReadValue()
			if err != nil || is.diagnoses != nil || jsonv1.Unmarshal(value, &is.diagnoses) != nil || len(is.diagnoses) > maxDiagnoses {
				return nil
			}
		case "again", "curl", "portable", "againNotes", "remedies":
			if dec.SkipValue() != nil {
				return nil
			}
		default:
			return nil
		}
	}
	if _, err := dec.ReadToken(); err != nil || len(bytes.TrimLeft(dec.UnreadBuffer(), " \t\r\n")) > 0 {
		return nil
	}
	return is
}

// readFindings reads the findings and their name.
func (is *rulingEnd) readFindings(dec *jsontext.Decoder, x *wire.Exchange) bool {
	for range 2 { // the name and the bracket
		if _, err := dec.ReadToken(); err != nil {
			return false
		}
	}
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil || len(is.findings) == maxFindings {
			return false
		}
		f, whole, err := readFinding(value, x)
		if err != nil {
			return false
		}
		is.findings, is.cut = append(is.findings, f), is.cut || !whole
		for _, s := range f.Spans {
			switch s.Part {
			case InRequest:
				is.sizes[0] = max(is.sizes[0], s.To)
			case InResponse:
				is.sizes[1] = max(is.sizes[1], s.To)
			}
		}
	}
	_, err := dec.ReadToken()
	return err == nil
}
