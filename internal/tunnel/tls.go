package tunnel

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
)

// tls says what the records of a TLS tunnel show.
func (t *View) tls(f *tlsrec.Facts) {
	t.Title = "TLS records"
	for _, row := range []struct {
		name string
		of   func(*tlsrec.Sent) []Line
	}{{"records", records}, {"hello", hello}, {"alert", alert}, {"fault", brokenRecord}, {"end", endOfTLS}} {
		t.add(row.name, func(d int) []Line { return row.of(&f.Sides[d]) })
	}
	t.note(f.Idle, f.IdleAt)
}

func records(s *tlsrec.Sent) (all []Line) {
	for kind, n := range s.Records {
		if n > 0 {
			all = append(all, says("%s %s", printed.Thousands(n), tlsrec.Type(kind)))
		}
	}
	if s.Bytes > 0 {
		all = append(all, says("%s of content, the largest record %s", printed.Size(s.Bytes), printed.Size(s.Largest)))
	}
	return all
}

func hello(s *tlsrec.Sent) (all []Line) {
	h := s.Hello
	if h == nil {
		return nil
	}
	names := make([]string, 0, len(h.Versions))
	for _, v := range h.Versions {
		names = append(names, v.String())
	}
	all = append(all, says("%s", strings.Join(names, ", ")))
	if h.Cipher != 0 {
		all = append(all, says("cipher suite %#04x", h.Cipher))
	}
	if h.ServerName != "" {
		all = append(all, says("server name %s", h.ServerName))
	}
	if len(h.ALPN) > 0 {
		all = append(all, says("ALPN %s", strings.Join(h.ALPN, ", ")))
	}
	return all
}

func alert(s *tlsrec.Sent) []Line {
	a := s.Alert
	switch {
	case a == nil:
		return nil
	case a.Sealed:
		return []Line{says("encrypted, at %s", at(a.At))}
	}
	line := says("%s, at %s", a.Description, at(a.At))
	line.Bad = a.Fatal
	return []Line{line}
}

func brokenRecord(s *tlsrec.Sent) []Line {
	if f := s.Fault; f != nil {
		return []Line{wrong("%s, in record %s (%s) at byte %s", f.Kind, printed.Thousands(f.Record), fmt.Sprintf("type %#x, %d bytes", f.Type, f.Length), printed.Thousands(f.Offset))}
	}
	return nil
}

func endOfTLS(s *tlsrec.Sent) []Line { return endOf(s.HTTP, s.Lost, s.Cut, s.Read, "record") }
