package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/internal/tlsread"
	"github.com/interlock-proxy/interlock/wire"
)

// The parts that a record may not keep, as values of Lossy in [wire.Exchange].
const (
	LostBytes     = "bytes"           // of heads: their order, letter case, white space and line ends are not those of the wire
	LostRequest   = wire.LostRequest  // fields of the request
	LostResponse  = "response fields" // fields of the response
	LostVersion   = "version"         // of HTTP: 1.1 is assumed
	LostAftermath = "aftermath"       // bytes after a 101
	LostBeginning = "beginning"       // of the connection: it had begun before the capture
	LostSegments  = "segments"        // of the connection, after the judged part
	LostEnd       = "end"             // of the connection: it continued after the capture
)

// A Reader reads recorded traffic. Its zero value is ready; its fields must not be changed while it
// reads. It may read several files, one after the other.
type Reader struct {
	Observe func(*wire.Exchange) // gets each exchange once, in its last form; owns it; may be nil
	Route   string               // of every exchange; "default" if empty
	Bounds  Bounds

	// Secrets are those of TLS connections in captures of packets; a pcapng file may have more, which are
	// added. They may be nil.
	Secrets *tlsread.KeyLog

	// Every is for explanations: requests of pastes are observed that do not concern Upgrade, and
	// handshakes of which a paste keeps only the URL and the status. Their headers are those that
	// every client sends, and Lossy says that the real ones are not kept.
	Every bool

	// Live is for packets that are still being captured: an exchange is observed each time that more of it
	// is known, with a higher Revision, as [wire.Exchange] says. The source may return an error that wraps
	// [os.ErrDeadlineExceeded] where nothing has been captured for a moment; it is read again then.
	Live bool
}

// Bounds limit the memory for a capture of packets. The default of a zero field is in its comment.
type Bounds struct {
	Connections int // at the same time; 16,384
	Pages       int // of 2 KB, for out-of-order segments; 8,192 in all, a sixteenth of that for one connection
	Held        int // bytes that wait for earlier bytes of the other direction; 16 MiB
	Unanswered  int // bytes of connections in which an answer is waited for; 256 MiB
}

func (b Bounds) withDefaults() Bounds {
	for _, each := range []struct {
		field *int
		value int
	}{{&b.Connections, 16 << 10}, {&b.Pages, 8 << 10}, {&b.Held, 16 << 20}, {&b.Unanswered, 256 << 20}} {
		if *each.field <= 0 {
			*each.field = each.value
		}
	}
	return b
}

// An Error says why a file could not be read completely. Everything before the offset was observed.
type Error struct {
	Offset int64 // in bytes from the beginning, decompressed
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("offset %d: %v", e.Offset, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// A kind is a format of files.
type kind struct {
	name string
	is   func(begin []byte) bool
	read func(*session) error
}

// kinds are the formats, in the order in which they are tried.
func kinds() []kind {
	return []kind{
		{"pcapng", isPcapNG, readPcapNG},
		{"pcap", isPcap, readPcap},
		{"har", isJSON, readHAR},
		{"transcript", isText, readText},
	}
}

// A session is the reading of one file.
type session struct {
	Reader
	report Report
	counts wire.Counts
	src    *bufio.Reader
	count  *counter // counts the bytes read from src
	ids    *rand.ChaCha8
}

// errBinary means that the format of a file is unknown.
var errBinary = errors.New("neither a transcript nor HAR, pcap or pcapng")

// errNoPaste means that a text is of no use.
var errNoPaste = errors.New("this text is neither a transcript nor a paste of curl -v or of the headers in browser devtools")

// Read reads one file to its end. An error is an [*Error]; the report covers everything before it.
func (r *Reader) Read(src io.Reader) (Report, error) {
	s := &session{Reader: *r}
	s.Bounds = s.Bounds.withDefaults()
	if s.Secrets == nil {
		s.Secrets = new(tlsread.KeyLog)
	}
	if s.Route == "" {
		s.Route = "default"
	}
	if s.Observe == nil {
		s.Observe = func(*wire.Exchange) {}
	}
	err := s.read(src)
	s.report.take(&s.counts)
	var at *Error
	if err != nil && !errors.As(err, &at) {
		err = &Error{s.offset(), err}
	}
	return s.report, err
}

func (s *session) read(src io.Reader) error {
	s.open(src)
	begin, _ := s.src.Peek(2) // an error is reported again below
	if bytes.Equal(begin, []byte{0x1f, 0x8b}) {
		plain, err := gzip.NewReader(s.src)
		if err != nil {
			return fmt.Errorf("decompress: %w", err)
		}
		s.open(plain)
	}
	begin, err := s.begin()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(begin) == 0 {
		return errors.New("the file is empty")
	}
	for _, k := range kinds() {
		if k.is(begin) {
			s.report.Format = k.name
			return k.read(s)
		}
	}
	return fmt.Errorf("%w: it begins with \"%s\"", errBinary, wire.Escape(begin[:min(len(begin), 8)]))
}

// begin returns the first bytes, and seeds the names of exchanges. Of a live capture it waits for the
// magic number only: the first packet may be long in coming.
func (s *session) begin() ([]byte, error) {
	if s.Live {
		var seed [32]byte
		_, _ = cryptorand.Read(seed[:]) // it never fails
		s.ids = rand.NewChaCha8(seed)
		if begin, err := s.src.Peek(4); err != nil || isPcap(begin) || isPcapNG(begin) {
			return begin, err
		}
	}
	begin, err := s.src.Peek(512)
	s.ids = rand.NewChaCha8(sha256.Sum256(begin))
	return begin, err
}

func (s *session) open(src io.Reader) {
	s.count = &counter{r: src}
	if s.Live {
		s.count.idle = func() {}
	}
	s.src = bufio.NewReaderSize(s.count, 64<<10)
}

// offset is how much has been read of the file, decompressed.
func (s *session) offset() int64 { return s.count.n - int64(s.src.Buffered()) }

// newID names an exchange. Reading a file again gives the same names.
func (s *session) newID(now time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(uint64(max(now.UnixMilli(), 0)) & (1<<48 - 1))
	_, _ = s.ids.Read(id[6:])
	return id.String()
}

// A counter counts the bytes that are read through it, and keeps the error that ended them.
type counter struct {
	r    io.Reader
	n    int64
	err  error
	idle func() // is called while nothing comes; nil: that is an error
}

func (c *counter) Read(p []byte) (int, error) {
	for {
		n, err := c.r.Read(p)
		c.n += int64(n)
		if n == 0 && c.idle != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			c.idle()
			continue
		}
		c.err = err
		return n, err
	}
}
