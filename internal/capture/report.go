package capture

import (
	"fmt"
	"maps"
	"slices"

	"github.com/interlock-proxy/interlock/internal/tlsread"
	"github.com/interlock-proxy/interlock/wire"
)

// A Report counts what was read of a file, and what was not inspected.
type Report struct {
	Format    string // transcript, paste, har, pcap, pcapng; empty if that is not known
	Exchanges int64  // requests that were answered
	Upgrades  int64  // observed exchanges: those that concern Upgrade

	Opaque  int64 // connections, or rests of them, that could not be read as HTTP/1
	TLS     int64 // those among them that began with TLS
	HTTP2   int64 // those among them that are HTTP/2
	Tunnels int64 // CONNECT tunnels that were not inspected

	Entries  int64  // of a HAR file
	HTTP3    int64  // those of HTTP/3
	Hints    int64  // responses that point to HTTP/3
	HintsAt  string // some of the hosts, as wire.Hints.Where names them
	Over2    int64  // of a paste: exchanges over HTTP/2 or HTTP/3 that are no extended CONNECT
	Headless int64  // those of a WebSocket connection without the headers of its handshake
	Damaged  int64  // entries that are not HTTP exchanges, or packets that cannot be decoded

	Packets     int64            // of a capture
	Snapped     int64            // packets of TCP that were not captured to their end
	SnapLength  int64            // bytes that were captured of the longest one of them
	Fragments   int64            // packets that are fragments of IP, which are not put together
	Unlinked    int64            // packets of a link type that is not read
	NotOpened   map[string]int64 // packets within an encapsulation that is not opened, by its name
	Connections int64            // TCP connections
	Midway      int64            // begun before the capture
	Unoriented  int64            // those among them in which no request was seen
	MidHTTP2    int64            // those among the unoriented ones that are HTTP/2
	MidTLS      int64            // those among them that are TLS

	Undecrypted [tlsread.Reasons]int64 // connections of TLS that were not decrypted, or not to their end, by the reason

	Lost int64 // connections of which segments are missing
	Shed int64 // connections that were not read, or not to their end, for a bound
	Open int64 // continued after the capture

	Failures []string // of a paste: what curl or the browser says about connections that failed; at most maxFailures
}

func (r *Report) take(c *wire.Counts) {
	r.Exchanges += c.Exchanges.Load()
	r.Opaque += c.Opaque.Load()
	r.TLS += c.TLS.Load()
	r.HTTP2 += c.HTTP2.Load()
	r.Tunnels += c.Tunnels.Load()
	r.Hints += c.HTTP3.Load()
	r.HintsAt = c.HTTP3.Where()
	r.Shed += c.Shed.Load()
}

// Notes returns a clause for each kind of thing that was not inspected.
func (r *Report) Notes() []string {
	var notes []string
	snap := fmt.Sprintf(" captured with only %d bytes: capture again with full packets (tcpdump -s 0)", r.SnapLength)
	key := ""
	if r.Packets > 0 && r.Undecrypted == [tlsread.Reasons]int64{} {
		key = ", which --keylog decrypts"
	}
	for _, each := range []struct {
		n         int64
		one, many string
	}{
		{r.Opaque, "connection is not HTTP/1 or cannot be read on", "connections are not HTTP/1 or cannot be read on"},
		{r.TLS, "of them is TLS" + key, "of them are TLS" + key},
		{r.HTTP2, "of them is HTTP/2", "of them are HTTP/2"},
		{r.HTTP3, "entry is HTTP/3", "entries are HTTP/3"},
		{r.Hints, "response points to HTTP/3" + r.HintsAt + ", which is not read", "responses point to HTTP/3" + r.HintsAt + ", which is not read"},
		{r.Over2, "request was sent over HTTP/2 or HTTP/3 and is no extended CONNECT", "requests were sent over HTTP/2 or HTTP/3 and are no extended CONNECT"},
		{r.Tunnels, "CONNECT tunnel", "CONNECT tunnels"},
		{r.Midway, "connection had begun before the capture", "connections had begun before the capture"},
		{r.Unoriented, "of them shows no request", "of them show no request"},
		{r.MidHTTP2, "of these is HTTP/2, which can be read only from the beginning of the connection", "of these are HTTP/2, which can be read only from the beginning of the connection"},
		{r.MidTLS, "of these is TLS, which can be decrypted only from the beginning of the connection", "of these are TLS, which can be decrypted only from the beginning of the connection"},
		{r.Lost, "connection has segments missing", "connections have segments missing"},
		{r.Open, "connection was still open at the end of the capture", "connections were still open at the end of the capture"},
		{r.Shed, "connection was given up for a bound", "connections were given up for a bound"},
		{r.Fragments, "packet is an IP fragment", "packets are IP fragments"},
		{r.Unlinked, "packet has another link type", "packets have other link types"},
		{r.Headless, "WebSocket connection is recorded without the headers of its handshake", "WebSocket connections are recorded without the headers of their handshakes"},
		{int64(len(r.Failures)), "connection failed before there was an exchange", "connections failed before there was an exchange"},
		{r.Damaged, "record is damaged", "records are damaged"},
		{r.Snapped, "packet was" + snap, "packets were" + snap},
	} {
		switch {
		case each.n == 1:
			notes = append(notes, "1 "+each.one)
		case each.n > 1:
			notes = append(notes, fmt.Sprintf("%d %s", each.n, each.many))
		}
	}
	for reason, n := range r.Undecrypted {
		if why := tlsread.Reason(reason).String(); n == 1 {
			notes = append(notes, "1 TLS connection was not decrypted: "+why)
		} else if n > 1 {
			notes = append(notes, fmt.Sprintf("%d TLS connections were not decrypted: %s", n, why))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.NotOpened)) {
		if n := r.NotOpened[name]; n == 1 {
			notes = append(notes, "1 packet is encapsulated in "+name+", which is not opened")
		} else {
			notes = append(notes, fmt.Sprintf("%d packets are encapsulated in %s, which is not opened", n, name))
		}
	}
	return notes
}

// maxNotOpened is how many encapsulations are counted by name; the rest is counted together.
const maxNotOpened = 32

func (r *Report) notOpened(name string) {
	if r.NotOpened == nil {
		r.NotOpened = map[string]int64{}
	}
	if r.NotOpened[name] == 0 && len(r.NotOpened) >= maxNotOpened {
		name = "other protocols"
	}
	r.NotOpened[name]++
}
