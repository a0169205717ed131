// Package capture turns recorded traffic into exchanges: transcripts, HAR files, pcap and pcapng
// captures.
//
// A [Reader] recognizes the format of a file by its first bytes, and calls Observe with each
// exchange once, in its last form. An exchange of a packet capture is what the proxy would have
// seen on that connection: the bytes of each direction, in order, go through a [wire.Conversation].
// Missing bytes are not guessed: the connection is opaque from there. Lossy says what the record of
// an exchange does not keep.
//
// Files are not trusted: they cannot make a Reader panic or use more memory than its [Bounds].
package capture
