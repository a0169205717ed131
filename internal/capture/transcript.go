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

// readTranscript plays a transcript. Its key lines are for tests, and are ignored.
func readTranscript(s *session) error {
	text, err := io.ReadAll(io.LimitReader(s.src, maxTranscript+1))
	if err != nil {
		return err
	}
	if len(text) > maxTranscript {
		return errors.New("the transcript is longer than 16 MiB")
	}
	t, err := wire.ParseTranscript(text)
	if err != nil {
		return &Error{lineStart(text, err), err}
	}
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
	return nil
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
