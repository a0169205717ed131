// Package wire reads HTTP/1 exactly as it was sent and reports what happened to upgrade requests.
//
// It is for programs that must not lose what a normal HTTP library repairs or hides: proxies,
// auditors, readers of captures. Bytes and times go in, values come out:
//
//   - A [Scanner] reads one direction of a connection. It finds heads, bodies and the ends of messages.
//   - A [Conversation] reads both directions. It pairs requests with responses and reports an
//     [Exchange] for each request that is about an upgrade (RFC 9110 §7.8), before and after the 101.
//   - [ReadRequest] and [ReadResponse] read one head. Names, values and list members are spans of the
//     bytes as they were sent.
//   - A [Transcript] is the bytes of a connection as text that people can read and write.
//
// # Use
//
// Open a [Conversation] with a [Common], which says where exchanges go. Then pass it the bytes of
// both sides in the order in which they are read, in pieces of any size:
//
//	var c wire.Conversation
//	c.Open(&wire.Common{Emit: observe, Counts: new(wire.Counts)})
//	c.Feed(wire.FromClient, request, now)
//	c.Feed(wire.FromServer, response, now)
//	c.Settle(wire.CauseClient, now)
//
// An exchange may be reported several times, under one ID, as more becomes known. The last report
// has Final set.
//
// # Guarantees
//
// Nothing here fails on content. What the RFCs call wrong is recorded as a [Flaw]. If they leave open
// where a message ends, nothing is claimed about the bytes that follow. Memory is bounded whatever a
// peer sends, and no input causes a panic. The package has no logger, clock, context, network or
// file, and imports only the standard library.
package wire
