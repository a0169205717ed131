package capture

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

func TestDamagedCaptures(t *testing.T) {
	s := start(1)
	s.send(0, []byte(handshake), 1000)
	s.send(1, []byte(accepted), 1000)
	s.add(segment{from: 0, rst: true})
	file := ethernet.pcap(t, s.segments)
	for name, each := range map[string]struct {
		file   []byte
		offset int64
		cause  string
		found  int
	}{
		"cut in a packet":  {file[:len(file)-10], int64(len(file) - 54 - 16), "the file ends within a record", 1},
		"cut in the front": {file[:20], 20, "the file ends within a record", 0},
		"no length":        {slices.Concat(file, bytes.Repeat([]byte{0xff}, 16)), int64(len(file)), "is too long, at most 1048576 are read", 1},
		"link type":        {slices.Concat(file[:20], []byte{105, 0, 0, 0}), 24, "packets of link type 105", 0},
		"empty":            {nil, 0, "the file is empty", 0},
		"another format":   {[]byte("\x7fELF\x02\x01"), 0, "neither a transcript nor HAR, pcap or pcapng: it begins with \"\\x7fELF", 0},
	} {
		found := 0
		r := Reader{Observe: func(*wire.Exchange) { found++ }}
		_, err := r.Read(bytes.NewReader(each.file))
		var at *Error
		if !errors.As(err, &at) || at.Offset != each.offset || !strings.Contains(err.Error(), each.cause) || found != each.found {
			t.Errorf("%s: %d found, error %v", name, found, err)
		}
	}
}
