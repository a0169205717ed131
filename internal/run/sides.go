package run

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// maxSide is how many exchanges of one side of a hop are compared: the newest.
const maxSide = 20_000

// Sides reads the exchanges of both sides of a hop.
type Sides struct {
	Open  func(name string) (*store.Store, error) // opens a store; an empty name: the one of the command
	Since time.Time                               // only exchanges from there on
}

// Read returns the exchanges of one side. Name is a PostgreSQL URL, the file of a store or of a
// report, or the name of an instance in the store of the command.
func (s *Sides) Read(ctx context.Context, name string) ([]*rules.Ruling, error) {
	if scheme, _, ok := strings.Cut(name, "://"); ok && strings.HasPrefix(scheme, "postgres") {
		return s.readStore(ctx, name, "")
	}
	file, err := os.Open(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) || strings.ContainsAny(name, "./") {
			return nil, err
		}
		all, err := s.readStore(ctx, "", name)
		if err == nil && len(all) == 0 {
			err = errors.New("nothing was stored by an Interlock of that name")
		}
		if err != nil {
			return nil, fmt.Errorf("there is no file %q, and no hop (serve --hop): %w", name, err)
		}
		return all, nil
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<16)
	begins, _ := in.Peek(512)
	if bytes.HasPrefix(begins, []byte("SQLite format 3\x00")) {
		return s.readStore(ctx, name, "")
	}
	all, err := s.readReport(in, tableRow.Match(begins))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	return all, nil
}

// readStore reads the exchanges of a store, or those of one instance.
func (s *Sides) readStore(ctx context.Context, name, instance string) ([]*rules.Ruling, error) {
	opened, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	var kept side
	err = opened.Rulings(ctx, store.Query{Instance: instance, Since: s.Since, Newest: true, Limit: maxSide}, func(r *rules.Ruling) error {
		kept.add(r)
		return nil
	})
	return kept.all, err
}

// readReport reads the exchanges of a report, or of an export of a store.
func (s *Sides) readReport(in io.Reader, export bool) ([]*rules.Ruling, error) {
	var kept side
	each := func(r *rules.Ruling) {
		if !r.X.Time.Before(s.Since) {
			kept.add(r)
		}
	}
	if !export {
		err := report.Read(in, each)
		return kept.all, errors.Join(err, kept.full())
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 5<<20)
	for number := 1; lines.Scan(); number++ {
		if text := lines.Bytes(); len(text) > 0 && !tableRow.Match(text) {
			r, err := rules.ReadRuling(text)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			each(r)
		}
	}
	err := lines.Err()
	return kept.all, errors.Join(err, kept.full())
}

// tableRow matches the beginning of a row of a table in an export.
var tableRow = regexp.MustCompile(`^\{\s*"schema"\s*:\s*1\s*,\s*"table"\s*:`)

// A side is what was read of one side of a hop, each exchange as it was reported last.
type side struct {
	all []*rules.Ruling
	at  map[string]int // by ID
}

func (s *side) add(r *rules.Ruling) {
	if !hop.Compared(r) || len(s.all) > maxSide {
		return
	}
	if s.at == nil {
		s.at = map[string]int{}
	}
	if i, known := s.at[r.X.ID]; known && r.X.ID != "" {
		if r.X.Revision >= s.all[i].X.Revision {
			s.all[i] = r
		}
		return
	}
	s.at[r.X.ID] = len(s.all)
	s.all = append(s.all, r)
}

// full returns an error if there were too many exchanges.
func (s *side) full() error {
	if len(s.all) > maxSide {
		return fmt.Errorf("it has more than %d exchanges: choose some of them by --since", maxSide)
	}
	return nil
}
