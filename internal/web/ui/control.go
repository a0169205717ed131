package ui

import (
	"bytes"
	"context"
	"regexp"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// compared is a probe held against the valid handshake of its run.
type compared struct {
	Probe    string // ID of the valid handshake
	Exchange string // ID of its exchange
	Status   int
	Accepted bool
	Request  []diffLine
	Response []diffLine
}

// compared finds the valid handshake that a probe is a change of, at the same endpoint in the same run, and compares the two. It
// is nil where there is none.
func (u *site) compared(ctx context.Context, r *rules.Ruling) (*compared, error) {
	p := rules.FindProbe(r.X.Probe)
	if p == nil || r.Run == "" {
		return nil, nil
	}
	id := "CTRL-WS"
	switch p.Control {
	case "h2c":
		id = "CTRL-H2C"
	case rules.HTTP2WebSocket:
		id = "CTRL-H2-WS"
	case rules.HTTP2Plain:
		id = "CTRL-H2-GET"
	}
	if p.ID == id {
		return nil, nil
	}
	results, err := u.Store.Results(ctx, r.Run)
	if err != nil {
		return nil, err
	}
	for i := range results {
		is := &results[i]
		if is.Probe != id || is.Exchange == "" || is.Route != r.X.Route || is.Endpoint != r.Endpoint || is.Backend != r.X.Backend {
			continue
		}
		control, err := u.Store.Ruling(ctx, is.Exchange)
		if err != nil {
			return nil, nil //nolint:nilerr // retention has deleted it
		}
		c := &compared{Probe: id, Exchange: is.Exchange, Status: is.Status, Accepted: cellOf(is).Accepted()}
		c.Request = lineDiff(control.X.Request.Raw, r.X.Request.Raw)
		if control.X.Response != nil && r.X.Response != nil {
			c.Response = lineDiff(control.X.Response.Raw, r.X.Response.Raw)
		}
		return c, nil
	}
	return nil, nil
}

// Changed reports whether the answers differ.
func (c *compared) Changed() bool {
	return slices.ContainsFunc(c.Response, func(l diffLine) bool { return l.Class != "" })
}

// maxDiff is how many lines of a head are compared.
const maxDiff = 200

// lineDiff compares the lines of two heads: same, removed and added ones.
func lineDiff(was, is []byte) (all []diffLine) {
	a, b := lines(was), lines(is)
	// common[i][j] is the length of the longest common subsequence of a[i:] and b[j:].
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if usual(a[i]) == usual(b[j]) {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	add := func(class, sign string, line []byte) {
		all = append(all, diffLine{class, sign + clip(maxLine, wire.Escape(line))})
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && usual(a[i]) == usual(b[j]):
			add("", "  ", b[j])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			add("minus", "- ", a[i])
			i++
		default:
			add("plus", "+ ", b[j])
			j++
		}
	}
	return all
}

// maxLine is how many characters of a line are shown in a comparison.
const maxLine = 400

func lines(head []byte) (all [][]byte) {
	for line := range bytes.Lines(head) {
		if len(all) == maxDiff {
			return all
		}
		all = append(all, line)
	}
	return all
}

// fresh are values that differ from one valid request to the next, and from one answer to the next.
var fresh = regexp.MustCompile(`^(?:Sec-WebSocket-Key: [0-9A-Za-z+/]{22}==|Sec-WebSocket-Accept: [0-9A-Za-z+/]{27}=|User-Agent: interlock-probe/.*|Date: .*)\r\n$`)

// usual is a line to compare: without the value, where that is another one each time.
func usual(line []byte) string {
	if fresh.Match(line) {
		line = line[:bytes.IndexByte(line, ':')]
	}
	return string(line)
}
