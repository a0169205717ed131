package rules

import (
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-HPACK", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server reads the next request as it was sent, after one that it has rejected",
	Problem: Problems{
		Switched: "Server misread the request after this one: %s",
		Refused:  "Server misread the request after this one, which it had rejected: %s",
	},
	Label: "Table of headers out of step",
	Refs: []Ref{
		{"7541", "2.2", "both sides keep the same table of headers, in the order in which they were sent"},
		{"9113", "4.3", "the headers of a rejected request are decoded, too; else the connection ends with COMPRESSION_ERROR"},
	},
	Why: `HTTP/2 names headers by their place in a table that every request changes. A server
that stops decoding a request where it is malformed misses some of them, and reads later requests of
the connection with the headers of earlier ones: behind a gateway that sends the requests of many
users in one connection, one user gets the path, the cookie or the credentials of another.`,
	Fix: `Decode the headers of each request to their end before you judge it, and reset the stream
	afterwards. If they cannot be decoded, end the connection with COMPRESSION_ERROR.`,
	When: func(c *Case) bool { return c.brings("UPGRADE-H2-HPACK") && c.X.Follow != nil && c.X.Follow.Ahead != 0 },
	Judge: func(c *Case) Result {
		switch f := c.X.Follow; {
		case misreadNext(f):
			return c.result(Fail)
		case f.Status == 0 || f.Status != f.Ahead:
			return c.result(NotApplicable) // it ended the connection, or is busy: that is another fault
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		f, what := c.X.Follow, "a header of it as that of an earlier request"
		switch {
		case f.Read == wire.ReadEarlier:
		case f.Read == wire.ReadOther:
			what = "a header of it as something else"
		case f.Status != 0:
			what = "it got " + strconv.Itoa(f.Status) + ", and the same request before had got " + strconv.Itoa(f.Ahead)
		default:
			what = "it was answered by " + lossOf(f)
		}
		return seen(c.inRequest(":method", ":protocol"), what)
	},
	Probes: desyncProbes(),
})

// misreadNext reports whether the server read the request that followed otherwise than the same request
// before the probe.
func misreadNext(f *wire.Follow) bool {
	switch {
	case f.Read == wire.ReadEarlier, f.Read == wire.ReadOther:
		return true
	case f.Status != 0:
		return f.Status != f.Ahead && f.Status < 500 && !isBusy(f.Status) && f.Ahead < 500 && !isBusy(f.Ahead)
	}
	const protocol, compression = h2.Code(1), h2.Code(9)
	return f.Asked && (f.Lost == wire.LostReset || f.Lost == wire.LostGoAway) && (f.Code == protocol || f.Code == compression)
}

// lossOf says how a request was lost.
func lossOf(f *wire.Follow) string {
	switch f.Lost {
	case wire.LostReset:
		return "RST_STREAM with " + f.Code.String()
	case wire.LostGoAway:
		return "GOAWAY with " + f.Code.String()
	case wire.LostEnd:
		return "the end of the connection"
	case wire.LostBlind:
		return "bytes in no frame"
	}
	return "nothing"
}

// desyncProbes are malformed requests that end in a header that the next request names by its place in
// the table. What is wrong with each comes before that.
func desyncProbes() (all []Probe) {
	for _, each := range []struct {
		name, label string
		edit        Edit
	}{
		{"UPPER", "An upper-case name", FieldAlso("X-Upper", "1")},
		{"CRLF", "CR LF in a value", FieldAlso("x-a", "1\r\nx-b: 1")},
		{"NUL", "NUL in a value", FieldAlso("x-a", "1\x00")},
		{"COLON", "A colon in a name", FieldAlso("x:a", "1")},
		{"BLANK", "A blank before a value", FieldAlso("x-a", " 1")},
		{"CONNECTION", "A Connection header", FieldAlso("connection", "x-a")},
		{"UPGRADE", "An Upgrade header", FieldAlso("upgrade", "websocket")},
		{"TE", "te: gzip", FieldAlso("te", "gzip")},
		{"TRANSFER", "A Transfer-Encoding header", FieldAlso("transfer-encoding", "chunked")},
		{"UNKNOWN", "An unknown pseudo-header", FieldAfter(":authority", ":interlock", "1")},
		{"DUP", "A second :path", FieldAfter(":path", ":path", "/")},
		{"LATE", "A late pseudo-header", Edits(NoField(":protocol"), FieldAlso(":protocol", "websocket"))},
		{"NO-PATH", "A request without :path", NoField(":path")},
		{"LENGTH", "An invalid Content-Length", FieldAlso("content-length", "x")},
	} {
		p := malformed2("UPGRADE-H2-DESYNC-"+each.name, each.label+", then another request", each.edit, Mark())
		p.Class, p.Want = Differential, "The next request on the connection is answered as the one before"
		all = append(all, p)
	}
	return all
}
