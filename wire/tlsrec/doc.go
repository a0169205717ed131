// Package tlsrec reads the TLS records of a tunnel (RFC 8446 §5.1, the same in all versions since SSL
// 3) to its end and reports what they show as [Facts]: what is in the clear, and nothing else.
//
// A [Reader] takes the bytes of both directions in pieces of any size. It parses the head of each
// record, the first hello of each side and alerts, and skips all other content. Its memory does not
// grow with the tunnel. The package is pure: it has no clock, network or file, and imports only the
// standard library.
package tlsrec
