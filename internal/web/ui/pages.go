package ui

import (
	"context"
	"time"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Policy is the Content-Security-Policy of every page. Handler sets it in all its responses and
// replaces a stricter one.
const Policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// Pages are the screens and their sources. The fields must not be changed after the first call of
// Handler. All functions must be safe for concurrent use. If a function is nil, what it does is not
// offered.
//
// The functions with effects are called for POST only. Their errors are shown to the caller: one
// line that names the fault and the remedy.
type Pages struct {
	Store   *store.Store // exchanges, findings and runs; nil: the pages say that nothing is stored
	Session string       // the ID of this start among those that share the store
	Audit   *audit.Audit // endpoints of live traffic; nil: none are known
	Status  func() Status

	// Tunnels returns the exchanges of the latest open tunnels, at most that many, and how many are
	// open in all. Tunnel returns that of one, by ID; nil if it is not open. Both need Audit.
	Tunnels func(most int) ([]*wire.Exchange, int)
	Tunnel  func(id string) *wire.Exchange

	// Events is the path of the server-sent events about exchanges. EventNames are the events that
	// refresh a page. If they are empty, pages do not refresh.
	Events     string
	EventNames []string
	// Progress is the path of the progress of a probe run, with {run} in place of its ID.
	Progress      string
	ProgressNames []string

	// Filter parses a filter into a query for the store and a match for each ruling; the match may
	// be nil.
	Filter   func(text string) (store.Query, func(*rules.Ruling) bool, error)
	Terms    func(text string) []string // the terms of a filter, as they are written
	Accepted func() []accept.Entry      // the configured entries; nil: none

	Running func() []Running                                                                           // runs of probes, the latest first
	Probe   func(ctx context.Context, a Ask) (run string, err error)                                   // starts a run
	Cancel  func(ctx context.Context, run string) error                                                // ends a run
	Replay  func(ctx context.Context, exchange string, given []probe.Field) (id string, err error)     // sends a request again, with given values in place of redacted ones; id: of the new exchange
	Accept  func(ctx context.Context, w accept.Written, confirmed bool) (file, diff string, err error) // writes to the file only if confirmed
	Reload  func(ctx context.Context, confirmed bool) (changes []Change, err error)                    // puts a changed configuration into effect once that is confirmed
	Pause   func(ctx context.Context, paused bool) error                                               // stops or goes on to keep exchanges; findings are always kept
}

// An Ask is a request for a probe run. Its fields are those of the API.
type Ask struct {
	Endpoint      string
	Route         string
	Protocol      string
	Host          string
	Only          []string // IDs of probes, or globs of them; empty: all
	Skip          []string
	HTTP          string // 1.1, 2 or both; empty: as the endpoint was seen
	Credentials   string // configured or recorded; empty: as configured
	Risky         bool
	UnsafeMethods bool
}

// A Running is a run of probes that was started from here, and how far it is.
type Running struct {
	ID       string    `json:"id"`
	State    string    `json:"state"` // running, done, failed or cancelled
	Endpoint string    `json:"endpoint"`
	Started  time.Time `json:"started"`
	Done     int       `json:"done"`  // probes
	Total    int       `json:"total"` // 0: not known yet
	Probe    string    `json:"probe"` // that is running
	Note     string    `json:"note"`
	Error    string    `json:"error"`
}

// A Change is a key of the configuration that would become another one.
type Change struct {
	Key  string `json:"key"`
	Old  string `json:"old"`
	New  string `json:"new"`
	Held bool   `json:"held"` // only a restart changes it
}

// A Status is how everything is.
type Status struct {
	State       string    `json:"state"` // such as auditing or draining
	Paused      bool      `json:"paused"`
	Instance    string    `json:"instance"`
	Version     string    `json:"version"`
	Build       []Setting `json:"build"`
	Began       time.Time `json:"began"`
	Proxy       string    `json:"proxy"`     // URL that clients are to be pointed at; empty: none
	Listeners   []Setting `json:"listeners"` // what each is for, and its address
	Backends    []Backend `json:"backends"`
	Health      []Gauge   `json:"health"`
	Warnings    []string  `json:"warnings"`
	ConfigFile  string    `json:"configFile"`
	Config      []Setting `json:"config"`
	ConfigHash  string    `json:"configHash"` // the same in instances with the same configuration
	StoreName   string    `json:"store"`      // as it may be shown
	StoreBad    string    `json:"storeError"`
	NotAudited  []Gauge   `json:"notAudited"` // opaque connections, blind tunnels and the like
	AcceptFile  string    `json:"acceptFile"`
	Connections int64     `json:"connections"` // open at the moment
	Tunnels     int64     `json:"tunnels"`     // open at the moment
	Fleet       *Fleet    `json:"fleet"`       // null: it is not known
}

// A Fleet counts the instances that share the store, as they were a moment ago.
type Fleet struct {
	Shared    bool `json:"shared"` // the store is made for many instances
	Reporting int  `json:"reporting"`
	Silent    int  `json:"silent"`
	Differs   int  `json:"differs"`
}

// Many reports whether there may be more than one instance.
func (f *Fleet) Many() bool { return f != nil && (f.Shared || f.All() > 1) }

// All is how many instances there are.
func (f *Fleet) All() int { return f.Reporting + f.Silent + f.Differs }

// A Setting is something with a name and a value.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin,omitempty"` // where the value comes from: default, a flag, a variable, file:line:column
}

// A Backend is where a route leads to.
type Backend struct {
	Route   string `json:"route"`
	Address string `json:"address"`
	Up      bool   `json:"up"`
	Detail  string `json:"detail"` // such as the last error
}

// A Gauge is a number with a name.
type Gauge struct {
	Name  string `json:"name"`
	Value string `json:"value"` // with its unit
	Bad   bool   `json:"bad"`   // it needs attention
	Note  string `json:"note,omitempty"`
}
