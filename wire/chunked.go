package wire

import "bytes"

// maxChunkDigits is how many hexadecimal digits a chunk size may have, leading zeros included.
const maxChunkDigits = 15

// scanChunked reads the chunked transfer coding (RFC 9112 §7.1): sizes with extensions, chunks, the
// trailer section. It is strict, because parsers differ here: after a bare LF, a CR without LF, or
// an invalid size, the rest is opaque.
func (s *Scanner) scanChunked(p []byte) (int, Event) {
	for i := 0; i < len(p); i++ {
		if s.state == scanData {
			n, e := s.scanContent(p[i:], scanDataCR)
			return i + n, e
		}
		if s.state == scanTrailerText || s.state == scanChunkExt {
			if n := min(plainRun(p[i:]), MaxHead+1-s.extra); n > 0 {
				if i += n; !s.lengthen(n) {
					return s.opaque(FlawHeadTooLong, i)
				}
				if i == len(p) {
					break
				}
			}
		}
		if !s.stepChunked(p[i]) {
			return s.opaque(FlawChunk, i)
		}
		if !s.lengthen(1) {
			return s.opaque(FlawHeadTooLong, i+1)
		}
		if s.state == scanEnd {
			s.state = scanHead
			return i + 1, EventEnd
		}
	}
	return len(p), EventMore
}

// lengthen counts bytes that are neither content nor a chunk size: extensions of one chunk, or the
// trailer section. It reports whether the count is still within MaxHead.
func (s *Scanner) lengthen(n int) bool {
	if s.state == scanData {
		s.extra = 0
		return true
	}
	s.extra += n
	return s.extra <= MaxHead
}

// plainRun returns the number of bytes before the next CR or LF.
func plainRun(p []byte) int {
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		p = p[:i]
	}
	if i := bytes.IndexByte(p, '\r'); i >= 0 {
		p = p[:i]
	}
	return len(p)
}

// stepChunked takes one byte that is not content. It is false for a byte that has no place there.
func (s *Scanner) stepChunked(c byte) bool {
	switch s.state {
	case scanChunkSize:
		return s.stepSize(c)
	case scanChunkExt:
		s.state = scanChunkLF // plainRun stopped at a CR or an LF
		return c == '\r'
	case scanChunkLF:
		switch {
		case c != '\n':
			return false
		case s.remain == 0:
			s.state = scanTrailer
		default:
			s.state = scanData
		}
	case scanDataCR:
		s.state = scanDataLF
		return c == '\r'
	case scanDataLF:
		s.state, s.digits = scanChunkSize, 0
		return c == '\n'
	case scanTrailer:
		if c == '\n' {
			return false
		}
		if s.state = scanTrailerText; c == '\r' {
			s.state = scanTrailerLF
		}
	case scanTrailerText:
		s.state = scanTrailerTextLF
		return c == '\r'
	case scanTrailerTextLF:
		s.state = scanTrailer
		return c == '\n'
	case scanTrailerLF:
		s.state = scanEnd
		return c == '\n'
	}
	return true
}

// stepSize takes one byte of a chunk size, or the first byte after it.
func (s *Scanner) stepSize(c byte) bool {
	switch d := hexDigit(c); {
	case d >= 0:
		s.remain = s.remain<<4 | int64(d)
		s.digits++
		return s.digits <= maxChunkDigits
	case s.digits == 0:
		return false
	case c == '\r':
		s.state = scanChunkLF
	case c == ';' || isOWS(c):
		s.state = scanChunkExt
	default:
		return false
	}
	return true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= lower(c) && lower(c) <= 'f':
		return int(lower(c)-'a') + 10
	}
	return -1
}
