package probe

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/wire"
)

// askInside speaks HTTP/2 in a tunnel: it asks for the paths of the handshake and waits for the
// answers, until that time.
func (a *attempt) askInside(until time.Time) {
	var out bytes.Buffer
	out.WriteString(h2cPreface)
	f := http2.NewFramer(&out, nil)
	_ = f.WriteSettings() // writing to memory does not fail
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i, path := range a.h.Asks {
		a.inside = append(a.inside, wire.Inner{Path: path})
		block.Reset()
		for _, field := range []hpack.HeaderField{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: a.h.Scheme}, {Name: ":authority", Value: a.h.Host}, {Name: ":path", Value: path},
		} {
			_ = encoder.WriteField(field)
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: streamOf(i), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	}
	a.say(out.String())
	acknowledged := false
	a.hear(until, func() bool {
		settings, done := a.readInside()
		if settings && !acknowledged {
			acknowledged = true
			out.Reset()
			_ = f.WriteSettingsAck()
			a.say(out.String())
		}
		return done
	})
}

// streamOf is the stream of a request in the tunnel. Stream 1 is that of the request with the offer
// (RFC 7540 §3.2).
func streamOf(i int) uint32 { return uint32(3 + 2*i) }

// readInside reads the answers from everything that came in the tunnel. It reports whether settings
// came, and whether no more is to be expected.
func (a *attempt) readInside() (settings, done bool) {
	f := http2.NewFramer(nil, bytes.NewReader(a.behind))
	f.ReadMetaHeaders, f.MaxHeaderListSize = hpack.NewDecoder(4096, nil), maxRest
	f.SetMaxReadFrameSize(1 << 14) // what we allow by saying nothing (RFC 9113 §6.5.2)
	ended := 0
	for i := range a.inside {
		a.inside[i].Status, a.inside[i].Content = 0, nil
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return settings, ended == len(a.inside)
		}
		i := int(frame.Header().StreamID)/2 - 1
		mine := frame.Header().StreamID%2 == 1 && i >= 0 && i < len(a.inside)
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			settings = settings || !frame.IsAck()
		case *http2.GoAwayFrame:
			return settings, true
		case *http2.MetaHeadersFrame:
			if status, err := strconv.Atoi(frame.PseudoValue("status")); mine && err == nil && status >= 200 {
				a.inside[i].Status = status
			}
		case *http2.DataFrame:
			if mine {
				room := wire.MaxContent - len(a.inside[i].Content)
				a.inside[i].Content = append(a.inside[i].Content, frame.Data()[:min(room, len(frame.Data()))]...)
			}
		case *http2.RSTStreamFrame:
			if mine {
				ended++
			}
		}
		if flags := frame.Header().Flags; mine && flags.Has(http2.FlagDataEndStream) && (frame.Header().Type == http2.FrameHeaders || frame.Header().Type == http2.FrameData) {
			ended++
		}
	}
}
