package report

import (
	"encoding/json"
	"strconv"
)

// appendTo appends the entry without its end as encoding/json writes it. Reports have a million of
// them, and reflection takes several times longer.
func (e *harEntry) appendTo(b []byte) ([]byte, error) {
	b = appendString(append(b, `{"startedDateTime":`...), e.Started)
	b = appendFloat(append(b, `,"time":`...), e.Time)
	b = e.Request.appendTo(append(b, `,"request":`...))
	b = e.Response.appendTo(append(b, `,"response":`...))
	b = appendFloat(append(b, `,"cache":{},"timings":{"send":`...), e.Timings.Send)
	b = appendFloat(append(b, `,"wait":`...), e.Timings.Wait)
	b = appendFloat(append(b, `,"receive":`...), e.Timings.Receive)
	b = append(b, '}')
	if e.Server != "" {
		b = appendString(append(b, `,"serverIPAddress":`...), e.Server)
	}
	if e.Type != "" {
		b = appendString(append(b, `,"_resourceType":`...), e.Type)
	}
	if len(e.Messages) > 0 {
		messages, err := json.Marshal(e.Messages)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"_webSocketMessages":`...), messages...)
	}
	return b, nil
}

func (q *harRequest) appendTo(b []byte) []byte {
	b = appendString(append(b, `{"method":`...), q.Method)
	b = appendString(append(b, `,"url":`...), q.URL)
	b = appendString(append(b, `,"httpVersion":`...), q.Version)
	b = appendPairs(append(b, `,"cookies":`...), q.Cookies)
	b = appendPairs(append(b, `,"headers":`...), q.Fields)
	b = appendPairs(append(b, `,"queryString":`...), q.Query)
	return appendSizes(b, q.HeadSize, q.BodySize)
}

func (p *harResponse) appendTo(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"status":`...), int64(p.Status), 10)
	b = appendString(append(b, `,"statusText":`...), p.Reason)
	b = appendString(append(b, `,"httpVersion":`...), p.Version)
	b = appendPairs(append(b, `,"cookies":`...), p.Cookies)
	b = appendPairs(append(b, `,"headers":`...), p.Fields)
	b = strconv.AppendInt(append(b, `,"content":{"size":`...), int64(p.Content.Size), 10)
	b = appendString(append(b, `,"mimeType":`...), p.Content.Type)
	b = appendString(append(b, `},"redirectURL":`...), p.Location)
	return appendSizes(b, p.HeadSize, p.BodySize)
}

// appendSizes appends the end of a message.
func appendSizes(b []byte, head, body int) []byte {
	b = strconv.AppendInt(append(b, `,"headersSize":`...), int64(head), 10)
	b = strconv.AppendInt(append(b, `,"bodySize":`...), int64(body), 10)
	return append(b, '}')
}

func appendPairs(b []byte, pairs []harPair) []byte {
	b = append(b, '[')
	for i := range pairs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"name":`...), pairs[i].Name)
		b = appendString(append(b, `,"value":`...), pairs[i].Value)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendString appends a string. Most have no character that is escaped.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil { // no string is an error
				quoted = []byte(`""`)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendFloat appends a number of milliseconds, which needs no exponent: it is one of microseconds.
func appendFloat(b []byte, ms float64) []byte { return strconv.AppendFloat(b, ms, 'f', -1, 64) }
