package wire

// A Flaw is something about a message that the RFCs call wrong, and where it is in the raw head.
type Flaw struct {
	Kind   FlawKind
	Offset int // of the first byte it is about, in [Head.Raw]
}

// A FlawKind names what is wrong.
type FlawKind uint8

// The flaws of a head. Those from FlawHeadEnd on leave open where the message ends.
const (
	FlawEmptyLineFirst   FlawKind = iota + 1 // an empty line before the start line (RFC 9112 §2.2)
	FlawExtraSpace                           // more than one space between the words of the start line (RFC 9112 §3)
	FlawBareLF                               // a line that ends in LF alone (RFC 9112 §2.2)
	FlawBareCR                               // a CR that no LF follows (RFC 9112 §2.2)
	FlawControl                              // a control byte in a field line or the start line (RFC 9110 §5.5)
	FlawSpaceBeforeColon                     // white space between a field name and its colon (RFC 9112 §5.1)
	FlawObsFold                              // a field line that goes on in the next one (RFC 9112 §5.2)
	FlawLeadingSpace                         // whitespace before the first header line (RFC 9112 §2.2)
	FlawNoColon                              // a line of the field section without a colon (RFC 9112 §5)
	FlawFieldName                            // a header name that is not a token (RFC 9110 §5.1)
	FlawLengthRepeated                       // Content-Length more than once, always the same (RFC 9112 §6.3)

	FlawHeadEnd        // the empty line after the headers is a bare LF, or follows one
	FlawVersion        // no HTTP version, or one that is not HTTP/1.DIGIT (RFC 9112 §2.3)
	FlawLengthCoding   // Content-Length together with Transfer-Encoding (RFC 9112 §6.1)
	FlawLengthDiffers  // several Content-Length values (RFC 9112 §6.3)
	FlawLengthInvalid  // a Content-Length that is not a decimal number, or too large (RFC 9112 §6.3)
	FlawCodingInvalid  // in a request, a Transfer-Encoding whose last coding is not chunked (RFC 9112 §6.3)
	FlawCodingHTTP10   // Transfer-Encoding in an HTTP/1.0 message (RFC 9112 §6.1)
	FlawFramingHidden  // another flaw in a head that names Content-Length or Transfer-Encoding: parsers will differ
	FlawChunk          // an invalid chunk size or chunk end (RFC 9112 §7.1)
	FlawHeadTooLong    // a head over MaxHead
	FlawHeadUnfinished // an answer came before the head had ended
	FlawNotHTTP        // bytes that cannot begin an HTTP/1 message
	FlawTooMany        // more requests, or more bytes of them, without an answer than are kept
)

// Ambiguous reports whether the RFCs leave open where the message ends, so that nothing is claimed
// about what follows it.
func (k FlawKind) Ambiguous() bool { return k >= FlawHeadEnd }

// String returns what is wrong, in a few words.
func (k FlawKind) String() string {
	return [...]string{
		0: "no flaw", FlawEmptyLineFirst: "empty line in front", FlawExtraSpace: "extra space in the start line", FlawBareLF: "bare LF",
		FlawBareCR: "bare CR", FlawControl: "control byte", FlawSpaceBeforeColon: "space before the colon",
		FlawObsFold: "folded line", FlawLeadingSpace: "space in front of the first field", FlawNoColon: "line without a colon",
		FlawFieldName: "field name that is no token", FlawLengthRepeated: "repeated Content-Length",
		FlawHeadEnd: "disputed end of the head", FlawVersion: "no HTTP/1 version",
		FlawLengthCoding:  "Content-Length with Transfer-Encoding",
		FlawLengthDiffers: "several Content-Length values", FlawLengthInvalid: "invalid Content-Length",
		FlawCodingInvalid: "last transfer coding not chunked", FlawCodingHTTP10: "Transfer-Encoding in HTTP/1.0",
		FlawFramingHidden: "framing field in a flawed head", FlawChunk: "invalid chunk", FlawHeadTooLong: "head too long",
		FlawHeadUnfinished: "unfinished head", FlawNotHTTP: "not HTTP/1", FlawTooMany: "too many unanswered requests",
	}[k]
}
