// Package event defines the events that Interlock logs, as values. JSON renders them for programs,
// internal/terminal for people.
package event

import (
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Kind is the kind of an event. It determines which fields of an [Event] are set.
type Kind uint8

// The kinds of events.
const (
	Exchange     Kind = iota // an exchange has been judged; Ruling
	Amended                  // a later report made the verdict of an exchange worse, or its other side gave it another cause; Ruling, whose Before has the old verdict
	Unsafe                   // a server switched and must not have; Ruling, Storage
	TunnelClosed             // the tunnel after a 101 has ended; Ruling
	EvidenceShed             // evidence had no room in memory; Shed
	Listening                // the listeners are open; Listen
	ProbeRun                 // a run of probes at one endpoint has ended; Probes
	Stopped                  // serve has ended; Sums
	Note                     // a sentence for people; Text
)

// An Event is one thing that happened. Its kind says which of the other fields are set. Nobody
// changes it.
type Event struct {
	Kind    Kind
	Storage Storage
	Ruling  *rules.Ruling
	Shed    Shed
	Text    string
	Listen  *Listen
	Probes  *Probes
	Sums    *Sums
}

// Storage says whether an unsafe switch is stored for good.
type Storage uint8

// The states of the storage of an unsafe switch.
const (
	Unasked Storage = iota // there is no store
	Stored
	NotStored // so far
)

// Shed is how much evidence had no room.
type Shed struct {
	Exchanges int64 // so far
	Bytes     int64 // of the evidence in memory
}

// Listen says where serve listens.
type Listen struct{ Version, Instance, Listen, Admin, Forward, Backend string }

// Probes sums up a run of probes at one endpoint.
type Probes struct {
	Run, Endpoint, Route, Backend string
	Sent, NotSent                 int
	Verdicts                      [rules.NotApplicable + 1]int64
	Degraded                      bool
	Gone                          string // the probe after which the backend was gone; "" if it was not
	Took                          time.Duration
}

// Sums sums up a run of serve.
type Sums struct {
	Counts             *wire.Counts
	Verdicts           [rules.NotApplicable + 1]int64
	Unsafe             int64
	Findings, OfProbes int   // of live traffic; of probes
	Shed, MissedLines  int64 // exchanges without room in memory; lines that were dropped because the reader was too slow
	Up                 time.Duration
}

// Diagnoses are those that the line of an event has. The line of a closed tunnel has the ones that
// no line about its exchange had.
func (e *Event) Diagnoses() []rules.Diagnosis {
	r := e.Ruling
	if e.Kind != TunnelClosed {
		return r.Diagnoses
	}
	if r.Before == nil || !r.Before.Judged {
		return nil // the line of the exchange has been written for the same report
	}
	var later []rules.Diagnosis
	for i := range r.Diagnoses {
		if !r.Before.Explained(r.Diagnoses[i].ID) {
			later = append(later, r.Diagnoses[i])
		}
	}
	return later
}

// Refs are the sections that the broken rules of a ruling rest on, each once.
func Refs(r *rules.Ruling) []string {
	const most = 16
	var all []string
	for _, id := range r.Broken() {
		for _, ref := range r.Find(id).Refs {
			if text := ref.String(); len(all) < most && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}
