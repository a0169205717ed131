package capture

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/wire"
)

// maxTranscript is the length of the longest transcript that is read, in bytes.
const maxTranscript = 16 << 20

// isText reports whether a file contains only text.
func isText(begin []byte) bool {
	for len(begin) > 0 {
		r, n := utf8.DecodeRune(begin)
		if r == utf8.RuneError && n == 1 && len(begin) >= utf8.UTFMax || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		begin = begin[n:]
	}
	return true
}

// readText reads a transcript, or text that people have copied from somewhere else.
func readText(s *session) error {
	text, err := io.ReadAll(io.LimitReader(s.src, maxTranscript+1))
	if err != nil {
		return err
	}
	if len(text) > maxTranscript {
		return errors.New("the transcript is longer than 16 MiB")
	}
	t, err := wire.ParseTranscript(text)
	marked := isMarked(text)
	switch {
	case !marked && readPaste(s, string(text)):
		s.report.Format = "paste"
		return nil
	case err != nil && !marked && !bytes.Contains(text, []byte("\n> ")) && !bytes.Contains(text, []byte("\n< ")):
		return &Error{0, fmt.Errorf("%w: it begins with \"%s\"", errNoPaste, wire.Escape(text[:min(len(text), 32)]))}
	case err != nil:
		return &Error{lineStart(text, err), err}
	}
	s.play(t)
	return nil
}

// isMarked reports whether lines of a text end as those of a transcript do.
func isMarked(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if (bytes.HasPrefix(line, []byte("> ")) || bytes.HasPrefix(line, []byte("< "))) && bytes.HasSuffix(line, []byte(`\n`)) {
			return true
		}
	}
	return false
}

// play observes the exchanges of a transcript. Its key lines are for tests, and are ignored.
func (s *session) play(t *wire.Transcript) {
	s.report.Connections = 1
	connection := ""
	for _, x := range t.Exchanges(wire.Common{Origin: wire.OriginFile, Route: s.Route, Counts: &s.counts}) {
		own := *x
		own.ID = s.newID(x.Time)
		connection = cmp.Or(connection, own.ID)
		own.Connection = connection
		s.report.Upgrades++
		s.Observe(&own)
	}
}

// lineStart is where the line begins that an error about a transcript names.
func lineStart(text []byte, err error) int64 {
	line, at := 0, 0
	if _, err := fmt.Sscanf(err.Error(), "line %d:", &line); err != nil {
		return 0
	}
	for ; line > 1; line-- {
		at += bytes.IndexByte(text[at:], '\n') + 1
	}
	return int64(at)
}
