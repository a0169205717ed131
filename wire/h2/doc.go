// Package h2 reads the HTTP/2 frames of a connection (RFC 9113 §4) to its end and reports what they
// show as [Facts]. On request it also decodes the streams.
//
// A [Reader] takes the bytes of both directions in pieces of any size. It parses the head of each
// frame and skips the payload, except for the few bytes of SETTINGS, RST_STREAM, GOAWAY and
// WINDOW_UPDATE. Its memory does not grow with the connection:
//
//	r := h2.NewReader(h2.Terms{Upgraded: true}, 0)
//	r.Feed(h2.Client, bytes, sinceHandshake)
//	r.Skip(h2.Server, r.Skippable(h2.Server), sinceHandshake)
//	facts := r.Facts()
//
// A [Decoder] is a Reader that hands over events: heads and trailers with their fields, pushes, data,
// the ends of streams, RST_STREAM, GOAWAY, SETTINGS and WINDOW_UPDATE. The receiver of the events says
// how much of the content of each DATA frame it needs:
//
//	d := h2.NewDecoder(h2.Terms{}, 0, func(e *h2.Event) {
//		switch e.Kind {
//		case h2.EventHead:
//			streams.head(e.From, e.Stream, slices.Clone(e.Fields))
//		case h2.EventData:
//			e.Want = streams.wants(e.From, e.Stream, e.Length)
//		case h2.EventPayload:
//			streams.data(e.From, e.Stream, e.Data)
//		}
//	})
//	d.Feed(h2.Client, bytes, sinceStart)
//
// Both sides compress their fields against tables that every field block changes (RFC 7541 §2.2). The
// Decoder therefore needs all bytes from the first one, and decodes the blocks of all streams. If it
// cannot decode one, or the block or the table is over a bound (MaxBlock, MaxTable), that side stays
// undecoded to the end of the connection, and EventBlind says from where on and why. Fields are handed
// over as they were sent: names and values may contain any byte. They are what the sender meant; a
// receiver whose table is wrong understands something else.
//
// Feed the bytes before they are written on. The answer is then never read before its request.
//
// A side whose bytes break the protocol is not read any further, as no receiver reads on after a
// connection error. The package is pure: it has no clock, network or file.
package h2
