// Package tlsread decrypts recorded TLS connections (RFC 8446, RFC 5246) with the secrets that a client or
// a server has written to a key log, which is how browsers, curl and servers let others read a capture.
//
// A [Conn] takes the bytes of both directions from the first byte on, in pieces of any size, and hands over
// what they carry. It never guesses: where a secret is missing, or anything cannot be read, it stops and
// says why. Its memory does not grow with the connection. The package has no clock, network or file, and no
// secret leaves it.
package tlsread
