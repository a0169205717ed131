package diagnose

import "time"

// Seen is what earlier exchanges say about one. [Tunnels] collects it.
type Seen struct {
	Idle  *Cluster // many tunnels of the endpoint ended as this one did, after the same time without a byte
	Life  *Cluster // or after the same time, whether idle or not
	Storm *Storm   // the client comes again and again
}

// A Cluster is tunnels of an endpoint that ended after nearly the same time.
type Cluster struct {
	Count  int // of them
	Of     int // of the tunnels of the endpoint that ended last
	At     time.Duration
	Spread time.Duration // At is accurate to that
}

// A Storm is a client that comes again at once whenever it fails.
type Storm struct {
	Count  int
	Within time.Duration // from the first to the last of them
	Pause  time.Duration // between the end of one and the next, on average
}
