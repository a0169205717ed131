// Package wire reads HTTP/1 as it stands on the wire and says what happened.
//
// Bytes and times go in, values come out. A [Scanner] finds the heads, bodies and message ends of one direction, a
// [Conversation] pairs the requests of one connection with their responses and builds an [Exchange] for each that has
// to do with the Upgrade mechanism (RFC 9110 §7.8). A [Transcript] is the same bytes as text that people can read.
//
// Nothing here fails on content: what the RFCs call wrong is recorded as a [Flaw], and where they call the framing
// ambiguous nothing more is claimed about the bytes that follow. The package has no logger, clock, context, network or
// file, imports the standard library only, and never panics on input.
package wire
