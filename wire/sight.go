package wire

// A Sight is the kind of a sighting.
type Sight string

// The sights of an attempt as a whole. Readers accept others.
const (
	SightNothing Sight = "nothing" // the probe says nothing about the hop; the detail is why
	SightTwin    Sight = "twin"    // the same request without an offer shows the fault too
	SightRelay   Sight = "relay"   // the hop passes on bytes that are not HTTP, and requests byte for byte
	SightSniffs  Sight = "sniffs"  // it passes on bytes that are not HTTP once a connection has begun with a request
)

// The sights of requests and responses.
const (
	SightBroken        Sight = "broken"          // a plain GET does not pass; the detail is what became of it
	SightUnanswered    Sight = "unanswered"      // a valid handshake has no answer; the detail is how it ended
	SightRefused       Sight = "refused"         // the server switched, and the client got the detail
	SightNoMore        Sight = "no-more"         // a valid handshake that passed before the other probes does not pass after them
	SightSplit         Sight = "split"           // a handshake in pieces is not accepted; the detail is what the client got
	SightAnswerLost    Sight = "answer-lost"     // the server's rejection does not arrive; the detail is what the client got
	SightEndLost       Sight = "eof-answer-lost" // a rejection that ends with the connection does not arrive
	SightBodyLost      Sight = "body-lost"       // the body of the server's rejection does not arrive
	SightHangs         Sight = "hangs"           // the server has closed, and the client gets neither an answer nor an end
	SightOvertakes     Sight = "overtakes"       // the 101 to a second request comes before the answer to the first
	SightPipelineHangs Sight = "pipeline-hangs"  // neither of two requests in one write is answered
	SightTwinDiffers   Sight = "twin-differs"    // with an offer the hop does something else than without; the detail is what
	SightIdentityLost  Sight = "identity-lost"   // headers that the hop adds to other requests are not there; the detail is which
	SightCanary        Sight = "canary-hit"      // the hop connected to a server that only the client has named
	SightConnectDead   Sight = "connect-dead"    // a CONNECT got the status in the detail, and there is no tunnel
	SightConnectServed Sight = "connect-served"  // after a rejected CONNECT the next request is answered
)

// The sights of the time before and after the answer to an offer.
const (
	SightRawEarly    Sight = "raw-early"    // bytes that are not HTTP reach the server before its answer
	SightRawLate     Sight = "raw-late"     // they reach it after it has rejected the offer
	SightDeniedLate  Sight = "denied-late"  // a request for a path that the hop rejects reaches the server after it has rejected an offer; the detail is the path
	SightDeniedEarly Sight = "denied-early" // it reaches the server before its answer
	SightDenied101   Sight = "denied-101"   // it reaches the server after a 101 to a request without an offer
	SightDeniedH2C   Sight = "denied-h2c"   // it reaches the server as HTTP/2, after a 101 to h2c
	SightPrefix      Sight = "prefix"       // the beginning of a request after the offer reaches the server
	SightEarlyLost   Sight = "early-lost"   // what the client sent with its offer does not arrive in the tunnel
	SightNoTunnel    Sight = "no-tunnel"    // after a 101 at the client no byte passes
	SightOneWay      Sight = "one-way"      // after a 101 at the client bytes pass one way only; the detail is which
	SightFirstLost   Sight = "first-lost"   // what the server sent with its 101 does not arrive
	SightSplit101    Sight = "split-101"    // a 101 in pieces does not arrive; the detail is what the client got
	SightInterim101  Sight = "interim-101"  // a 101 after another 1xx response does not arrive; the detail is what the client got
	Sight101Hangs    Sight = "101-hangs"    // the client gets neither a 101 nor another answer nor an end
)

// The sights of a tunnel.
const (
	SightCrossed      Sight = "crossed"       // bytes of one client's tunnel are in another's
	SightInner        Sight = "inner-request" // a request in the tunnel reached the server as one
	SightMoved        Sight = "moved"         // bytes of the tunnel came on another connection
	SightChanged      Sight = "changed"       // bytes of the tunnel are changed or lost
	SightBulkLost     Sight = "bulk-lost"     // bytes are changed or lost when much goes both ways at once
	SightTailLost     Sight = "tail-lost"     // the end of what the server sent before it closed does not arrive
	SightHalfLost     Sight = "half-lost"     // after one side has ended its direction, what the other sends is lost
	SightFINKept      Sight = "fin-kept"      // the end of one direction is not passed on; the detail is who does not learn of it
	SightBothClosed   Sight = "both-closed"   // the end of one direction ends both; the detail is who ended its own
	SightLeaks        Sight = "leaks"         // the server's connection stays open after the client has closed
	SightCloseIgnored Sight = "close-ignored" // the client's connection stays open after the server has closed
	SightResetIgnored Sight = "reset-ignored" // it stays open after a reset by the server
)

// The sights of what a hop makes of a handshake in HTTP/2 (RFC 8441).
const (
	SightStreamEarly     Sight = "stream-early"     // the bytes of a stream get through before the server has answered
	SightStreamLate      Sight = "stream-late"      // they get through after the server has refused
	SightOpened          Sight = "opened"           // the hop opens a tunnel although the server has not; the detail is its status
	SightOpenedUnchecked Sight = "opened-unchecked" // it opens one on a 101 that it must not take; the detail is what is wrong with it
	SightNoMessage       Sight = "no-message"       // a message in the tunnel does not come back
)

// The sights of the connections that a hop uses again, and of bodies.
const (
	SightPoisoned       Sight = "poisoned"        // another client gets a second response of the server
	SightSecondResponse Sight = "second-response" // the same client gets it
	SightGlued          Sight = "glued"           // what a client left unfinished is in front of another client's request
	SightIntoBody       Sight = "into-body"       // another client's request is read as the body that is still to come
	SightPooled         Sight = "pooled"          // another client's request comes on a connection after its 101
	SightBodySmuggled   Sight = "body-smuggled"   // the server reads a body as a request
	SightBodyPoisons    Sight = "body-poisons"    // another client's request is read as a body
	SightBodyUnsent     Sight = "body-unsent"     // a body is announced to the server and not sent
	SightBodyDropped    Sight = "body-dropped"    // a body and its length do not arrive
	SightBodyVanished   Sight = "body-vanished"   // the body of an accepted offer does not arrive
	SightBodyUnframed   Sight = "body-unframed"   // it arrives as bytes of the tunnel
)
