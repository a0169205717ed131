// Package capture turns recorded traffic into exchanges: transcripts, HAR files, pcap and pcapng captures.
//
// A [Reader] finds out by the first bytes what a file is, and hands over each exchange once, in its last form. What comes
// from a capture of packets is what the proxy would have seen on that connection: the bytes of each direction, put in
// order, go through a [wire.Conversation]. Where bytes are missing nothing is guessed: the connection is opaque from there.
// An exchange whose record does not keep everything says so, in Lossy.
//
// Files are not trusted: nothing in them makes a Reader panic, or use more memory than its [Bounds] say.
package capture
