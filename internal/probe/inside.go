package probe

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An insider speaks HTTP/2 in a tunnel. Its functions are those of the attempt that opened it.
type insider struct {
	h    *rules.Handshake
	say  func(text string)
	hear func(until time.Time, enough func() bool)
	came func() []byte // everything that came in the tunnel

	answers  []wire.Inner
	settings bool // the server's came
	pings    int  // how many of the server's were answered
}

// ask asks for the paths of the handshake and waits for the answers, until that time.
func (a *insider) ask(until time.Time) {
	var out bytes.Buffer
	out.WriteString(h2cPreface)
	f := http2.NewFramer(&out, nil)
	_ = f.WriteSettings() // writing to memory does not fail
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i, path := range a.h.Asks {
		a.answers = append(a.answers, wire.Inner{Path: path})
		block.Reset()
		for _, field := range []hpack.HeaderField{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: a.h.Scheme}, {Name: ":authority", Value: a.h.Host}, {Name: ":path", Value: path},
		} {
			_ = encoder.WriteField(field)
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: streamOf(i), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	}
	a.say(out.String())
	a.hear(until, func() bool {
		settings, pings, done := a.read()
		out.Reset()
		if settings && !a.settings {
			a.settings = true
			_ = f.WriteSettingsAck()
		}
		for ; a.pings < len(pings); a.pings++ {
			_ = f.WritePing(true, pings[a.pings])
		}
		if out.Len() > 0 {
			a.say(out.String())
		}
		return done
	})
}

// streamOf is the stream of a request in the tunnel. Stream 1 is that of the request with the offer
// (RFC 7540 §3.2).
func streamOf(i int) uint32 { return uint32(3 + 2*i) }

// read reads the answers from everything that came in the tunnel. It reports whether settings came, which
// pings did, and whether no more is to be expected.
func (a *insider) read() (settings bool, pings [][8]byte, done bool) {
	f := http2.NewFramer(nil, bytes.NewReader(a.came()))
	f.ReadMetaHeaders, f.MaxHeaderListSize = hpack.NewDecoder(4096, nil), maxRest
	f.SetMaxReadFrameSize(1 << 14) // what we allow by saying nothing (RFC 9113 §6.5.2)
	ended := 0
	for i := range a.answers {
		a.answers[i].Status, a.answers[i].Content = 0, nil
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return settings, pings, ended == len(a.answers)
		}
		i := int(frame.Header().StreamID)/2 - 1
		mine := frame.Header().StreamID%2 == 1 && i >= 0 && i < len(a.answers)
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			settings = settings || !frame.IsAck()
		case *http2.PingFrame:
			if !frame.IsAck() {
				pings = append(pings, frame.Data)
			}
		case *http2.GoAwayFrame:
			return settings, pings, true
		case *http2.MetaHeadersFrame:
			if status, err := strconv.Atoi(frame.PseudoValue("status")); mine && err == nil && status >= 200 {
				a.answers[i].Status = status
			}
		case *http2.DataFrame:
			if mine {
				room := wire.MaxContent - len(a.answers[i].Content)
				a.answers[i].Content = append(a.answers[i].Content, frame.Data()[:min(room, len(frame.Data()))]...)
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
