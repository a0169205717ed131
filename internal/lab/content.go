package lab

import (
	"io"
	"net/http"
	"net/http/httputil"

	"golang.org/x/net/http/httpguts"
)

// readContentFirst accepts a handshake with a body after it has read the body, which is legal but
// unusual.
func readContentFirst(p *peer, r *http.Request) bool {
	no := refuse(r, checkContent)
	if no == nil && !p.skipContent(r) {
		no = refusal(http.StatusBadRequest, "the content is too long, or framed in another way than by a length or in chunks")
	}
	if no != nil {
		return p.reply(r, no)
	}
	return p.switchTo(soundSwitch(r))
}

// skipContent reads the body of a request, up to lingerBytes, and reports whether it reached its
// end.
func (p *peer) skipContent(r *http.Request) bool {
	if hasContent(r) && httpguts.HeaderValuesContainsToken(r.Header["Expect"], "100-continue") && !p.write("HTTP/1.1 100 Continue\r\n\r\n") {
		return false
	}
	switch codings := r.TransferEncoding; {
	case len(codings) == 0:
		n, err := io.CopyN(io.Discard, p.br, min(r.ContentLength, lingerBytes))
		return err == nil && n == r.ContentLength
	case len(codings) > 1 || lower(codings[0]) != "chunked":
		return false
	}
	content := io.LimitReader(httputil.NewChunkedReader(p.br), lingerBytes)
	if n, err := io.Copy(io.Discard, content); err != nil || n == lingerBytes {
		return false
	}
	end, err := p.br.ReadSlice('\n') // the chunks of a probe have no trailers
	return err == nil && string(end) == "\r\n"
}

// loseContent echoes the body of a POST, but treats it as absent after an offer. It answers
// handshakes correctly.
func loseContent(p *peer, r *http.Request) bool {
	if r.Method != http.MethodPost || offers(r, "websocket") || r.ProtoMinor < 1 || len(r.TransferEncoding) > 0 || r.ContentLength > maxMessage {
		return leavingOut(0)(p, r)
	}
	var content []byte
	if len(r.Header["Upgrade"]) == 0 {
		content = make([]byte, r.ContentLength)
		if _, err := io.ReadFull(p.br, content); err != nil {
			return false
		}
	}
	return p.reply(r, &reply{status: http.StatusOK, text: string(content)})
}
