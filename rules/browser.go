package rules

import "github.com/interlock-proxy/interlock/wire"

// A guess says whether a request comes from a browser.
type guess uint8

const (
	noBrowser guess = iota
	maybeBrowser
	surelyBrowser
)

// fetchField is the prefix of the headers in which a browser says what a request is for. Scripts
// cannot set them.
const fetchField = "Sec-Fetch-"

func isFetchField(name []byte) bool {
	return len(name) > len(fetchField) && wire.EqualFold(name[:len(fetchField)], fetchField)
}

// guessBrowser returns whether the request looks like one of a browser.
func guessBrowser(c *Case) guess {
	q := &c.X.Request.Head
	if !hasBrowserAgent(c) {
		return noBrowser
	}
	found := noBrowser
	for _, f := range q.Fields {
		switch name := q.Text(f.Name); {
		case isFetchField(name):
			return surelyBrowser
		case wire.EqualFold(name, "Cookie"):
			found = maybeBrowser
		}
	}
	return found
}

func fetchSpans(c *Case) []Span {
	q := &c.X.Request.Head
	var at []Span
	for _, f := range q.Fields {
		if isFetchField(q.Text(f.Name)) {
			at = append(at, Span{InRequest, f.Name.From, f.Value.To})
		}
	}
	return at
}
