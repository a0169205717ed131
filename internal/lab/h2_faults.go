package lab

import (
	"net/http"

	"golang.org/x/net/http2"
)

// An h2Manner is how a backend speaks HTTP/2. The zero value is that of a correct one.
type h2Manner struct {
	leftOut   check  // of the checks of handshakes
	overlooks h2Flaw // of the flaws of requests

	offers     []uint32 // values of SETTINGS_ENABLE_CONNECT_PROTOCOL, each in its SETTINGS; nil: 1
	notOffered bool     // it sends none

	upgrades      bool // it takes an HTTP/1.1 upgrade in a stream, and sends a 101
	unframed      bool // what follows that 101 is outside of frames
	upgradesH2C   bool // it takes an offer of h2c in a stream, and sends a 101
	tunnelsH2C    bool // it opens a tunnel to h2c
	dials         bool // it connects an extended CONNECT to its authority
	connects      bool // it connects a CONNECT without :protocol to its authority
	fetches       bool // it connects to the host of a URL in :path
	firstProtocol bool // it looks at the first element of a list in :protocol
	open          bool // it demands no login of any request
	early         bool // what follows a refused CONNECT is the far side's next request
	stopsAtFlaw   bool // it decodes no further than to what makes a request malformed
	flawsKill     bool // it ends the connection at a malformed request
	flawsHang     bool // it never answers a malformed request
	firstCookie   bool // it passes on the first Cookie header only
	dropsCookie   bool // it passes on no Cookie header of a tunnel
	firstOrigin   bool // it looks at the first of several origins
	refusesStream bool // it rejects handshakes with REFUSED_STREAM
	refusesLate   bool // it does so after it has answered
	wantsKey      bool // it demands Sec-WebSocket-Key

	status    int  // of an open tunnel; 0: 200
	unknown   int  // status for an unknown protocol; 0: 501
	page      bool // it answers a CONNECT with a page
	hopFields bool // its responses have Upgrade and Connection
	echoes    bool // it agrees to all subprotocols
	extends   bool // it agrees to all extensions
	accepts   bool // it sends Sec-WebSocket-Accept

	trailersKill bool // it ends the connection at HEADERS in a tunnel
	closeResets  bool // it resets a stream that ends with the close frame
	endsAll      bool // it ends the connection with a tunnel
	neverEnds    bool // it never ends its side of a tunnel
}

// An h2Fault is the one thing that an HTTP/2 backend does wrong.
type h2Fault struct {
	name, about string
	manner      h2Manner
}

// greeting returns the SETTINGS frames that a connection begins with.
func (m *h2Manner) greeting() [][]http2.Setting {
	settings := [][]http2.Setting{{
		{ID: http2.SettingMaxConcurrentStreams, Val: h2Streams}, {ID: http2.SettingMaxHeaderListSize, Val: maxHead},
	}}
	offers := m.offers
	if offers == nil && !m.notOffered {
		offers = []uint32{1}
	}
	for i, v := range offers {
		if i > 0 {
			settings = append(settings, nil)
		}
		settings[i] = append(settings[i], http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: v})
	}
	return settings
}

// h2Faults returns the correct backend, and the faults: in what a tunnel is, in requests, in
// handshakes, in responses, and in the ends of streams and connections.
func h2Faults() []h2Fault {
	return []h2Fault{
		{"h2", "WebSocket over HTTP/2 by extended CONNECT, in plain text", h2Manner{}},

		{"h2-101-raw", "answers an HTTP/1.1 upgrade in HTTP/2 with 101, and goes on outside of frames", h2Manner{upgrades: true, unframed: true}},
		{"h2-101", "answers an HTTP/1.1 upgrade in HTTP/2 with 101", h2Manner{upgrades: true}},
		{"h2-101-h2c", "answers an offer of h2c in HTTP/2 with 101, and demands no login after it", h2Manner{upgradesH2C: true}},
		{"h2-tunnels-h2c", "opens a tunnel to h2c, in which no login is demanded", h2Manner{tunnelsH2C: true}},
		{"h2-any-protocol", "opens a tunnel whatever :protocol says", h2Manner{overlooks: flawProtocol}},
		{"h2-first-protocol", "looks at the first element of a list in :protocol", h2Manner{firstProtocol: true}},
		{"h2-page", "answers an extended CONNECT with a page", h2Manner{page: true}},
		{"h2-early", "passes on what follows a rejected CONNECT as the next request", h2Manner{early: true}},
		{"h2-desync", "stops decoding a request where it is malformed", h2Manner{stopsAtFlaw: true}},
		{"h2-login-skipped", "demands no login of an extended CONNECT", h2Manner{overlooks: flawLogin}},

		{"h2-dials", "connects an extended CONNECT to the server that :authority names", h2Manner{dials: true}},
		{"h2-connects", "connects a CONNECT to the server that :authority names", h2Manner{connects: true}},

		{"h2-fetches", "connects to the server that a URL in :path names", h2Manner{fetches: true}},

		{"h2-method", "takes a GET with :protocol for a CONNECT", h2Manner{overlooks: flawMethod}},
		{"h2-plain-connect", "takes a CONNECT without :protocol for a WebSocket", h2Manner{overlooks: flawPlain}},
		{"h2-no-path", "opens a tunnel without :scheme or :path", h2Manner{overlooks: flawMissing}},
		{"h2-any-pseudo", "takes unknown, repeated and late pseudo-headers", h2Manner{overlooks: flawPseudo}},
		{"h2-any-value", "takes CR LF in header values, and copies it into HTTP/1.1", h2Manner{overlooks: flawSyntax}},
		{"h2-connection-fields", "ignores headers that belong to a connection", h2Manner{overlooks: flawHop}},
		{"h2-any-scheme", "opens a tunnel whatever :scheme says", h2Manner{overlooks: flawScheme}},
		{"h2-any-host", "opens a tunnel with a Host that differs from :authority", h2Manner{overlooks: flawAuthority}},
		{"h2-content", "opens a tunnel for a CONNECT with a Content-Length", h2Manner{overlooks: flawContent}},
		{"h2-ended", "opens a tunnel whose stream the client has ended", h2Manner{overlooks: flawEnd}},
		{"h2-first-cookie", "reads the first of several Cookie headers", h2Manner{firstCookie: true}},
		{"h2-cookie-dropped", "drops the Cookie headers of an extended CONNECT", h2Manner{dropsCookie: true}},

		{"h2-origin-skipped", "does not check Origin in HTTP/2", h2Manner{leftOut: checkOrigin}},
		{"h2-origin-first", "checks the first of several origins in HTTP/2", h2Manner{firstOrigin: true}},
		{"h2-version-skipped", "does not check Sec-WebSocket-Version in HTTP/2", h2Manner{leftOut: checkVersion}},
		{"h2-subprotocol", "agrees to all offered subprotocols in HTTP/2", h2Manner{echoes: true}},
		{"h2-extensions", "agrees to all offered extensions in HTTP/2", h2Manner{extends: true}},
		{"h2-wants-key", "demands Sec-WebSocket-Key in HTTP/2", h2Manner{wantsKey: true}},

		{"h2-not-offered", "opens tunnels and does not send the setting that offers them", h2Manner{notOffered: true}},
		{"h2-setting-2", "sends SETTINGS_ENABLE_CONNECT_PROTOCOL with 2", h2Manner{offers: []uint32{2}}},
		{"h2-setting-back", "sends SETTINGS_ENABLE_CONNECT_PROTOCOL with 1, then with 0", h2Manner{offers: []uint32{1, 0}}},
		{"h2-426-hop-fields", "has Upgrade and Connection in its 426", h2Manner{hopFields: true}},
		{"h2-no-501", "answers 502 to an unknown :protocol", h2Manner{unknown: http.StatusBadGateway}},
		{"h2-201", "opens a tunnel with 201", h2Manner{status: http.StatusCreated}},
		{"h2-accept", "sends Sec-WebSocket-Accept in HTTP/2", h2Manner{accepts: true}},
		{"h2-refused-stream", "rejects handshakes with REFUSED_STREAM after the far side has got them", h2Manner{refusesStream: true}},
		{"h2-refused-late", "answers a rejected handshake, and then resets the stream with REFUSED_STREAM", h2Manner{refusesLate: true}},
		{"h2-malformed-kills", "ends the connection at a malformed request", h2Manner{flawsKill: true}},
		{"h2-malformed-hangs", "never answers a malformed request", h2Manner{flawsHang: true}},

		{"h2-trailers-kill", "ends the connection at HEADERS in a tunnel", h2Manner{trailersKill: true}},
		{"h2-close-resets", "answers a close frame that ends its stream with a reset", h2Manner{closeResets: true}},
		{"h2-ends-all", "ends the connection with a tunnel", h2Manner{endsAll: true}},
		{"h2-never-ends", "does not answer END_STREAM", h2Manner{neverEnds: true}},
	}
}
