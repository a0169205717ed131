package diagnose

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// A Kind is an entry of the catalogue.
type Kind struct {
	ID     string // stripped-upgrade; never renamed, never reused
	Family Family
	Title  string // the observation in general, a sentence
	Why    string // what it means and how it comes about, a paragraph
	Refs   []rules.Ref
	Rules  []string // IDs of rules whose findings have the same cause; the diagnosis tells them as one
	Covers []string // IDs of kinds that say the same in general; they are left out beside this one
	Stages Stage    // the exchanges that See is asked about
	Over   Versions // of HTTP; those exchanges of these versions

	// See returns the observation in one exchange with the values that were seen, a sentence without
	// its period. It is empty if the diagnosis does not apply.
	See func(*View) string

	// Causes are tried in their order. The first one whose Mark is in the exchange is the cause of the
	// diagnosis. The last one has no mark and is always possible.
	Causes []Cause
}

// A Cause is what may have led to an observation.
type Cause struct {
	Text      string // a sentence without its period
	Certainty rules.Certainty
	Mark      mark // what in the exchange it rests on, such as `Server: "envoy"`; empty if it is not there; nil: it needs none
	Fix       []Remedy
	More      func(*View) []Remedy // remedies that depend on the exchange; nil: there are none
}

// A Remedy is what to change in one product.
type Remedy struct {
	Product string // empty: any
	Change  string // lines to paste, or a sentence
}

// String is the remedy as it is read.
func (r Remedy) String() string {
	if r.Product == "" {
		return r.Change
	}
	return r.Product + ": " + r.Change
}

// A Family is a group of kinds.
type Family string

// The families, in the order of the documentation.
const (
	Stripped Family = "Removed on the way"
	Rejected Family = "Rejected although valid"
	Dropped  Family = "Accepted and then dropped"
	Ended    Family = "How tunnels end"
	Normal   Family = "Offers that are normal"
	Opening  Family = "First bytes"
	Proxies  Family = "What a proxy does to upgrades"
)

// Families returns all families, in the order of the documentation.
func Families() []Family {
	return []Family{Stripped, Rejected, Dropped, Ended, Normal, Opening, Proxies}
}

// A Stage says how far an exchange came. It is a set.
type Stage uint8

// The stages. An exchange is in one or two of them.
const (
	Answered   Stage = 1 << iota // it has a response other than 101
	Unanswered                   // it has no response of the backend
	Switched                     // it has a 101, and a rule about it or its request did not pass
	Tunnel                       // it has a 101, and every rule passed
	Over                         // its tunnel has ended
	Any        = Answered | Unanswered | Switched | Tunnel | Over
)

// Versions are the versions of HTTP in which a kind is looked for. The zero value is HTTP/1 alone.
type Versions uint8

// The versions.
const (
	OnlyHTTP1 Versions = iota
	OnlyHTTP2
	EveryVersion
)

// has reports whether an exchange that is a stream of HTTP/2, or not, is of these versions.
func (o Versions) has(stream bool) bool { return o == EveryVersion || (o == OnlyHTTP2) == stream }

// catalogue holds the kinds by ID. Only register writes to it, during package initialization.
var catalogue []*Kind

// register adds a kind. Paragraphs may be broken in the source.
func register(k Kind) *Kind {
	k.Why = strings.ReplaceAll(k.Why, "\n", " ")
	i, taken := index(k.ID)
	if taken {
		panic("diagnose: " + k.ID + " is registered twice")
	}
	catalogue = slices.Insert(catalogue, i, &k)
	return &k
}

func index(id string) (int, bool) {
	return slices.BinarySearchFunc(catalogue, id, func(k *Kind, id string) int { return strings.Compare(k.ID, id) })
}

// All returns the kinds, sorted by ID. The caller owns the slice and must not change the kinds.
func All() []*Kind { return slices.Clone(catalogue) }

// Find returns the kind of that ID, or nil. It accepts letters of either case.
func Find(id string) *Kind {
	if i, ok := index(strings.ToLower(id)); ok {
		return catalogue[i]
	}
	return nil
}
