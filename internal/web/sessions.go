package web

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The bounds of sessions.
const (
	sessionLife = 12 * time.Hour
	maxSessions = 1000
)

// sessions are the sessions of browsers that have logged in. The zero value is ready.
type sessions struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]time.Time // expiry, by a hash of the cookie's value
}

// begin starts a session and returns the value of its cookie.
func (s *sessions) begin() string {
	name := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[[sha256.Size]byte]time.Time{}
	}
	now := time.Now()
	var oldest [sha256.Size]byte
	for k, end := range s.all {
		if now.After(end) {
			delete(s.all, k)
		} else if was, ok := s.all[oldest]; !ok || end.Before(was) {
			oldest = k
		}
	}
	if len(s.all) >= maxSessions {
		delete(s.all, oldest)
	}
	s.all[sha256.Sum256([]byte(name))] = now.Add(sessionLife)
	return name
}

// has reports whether a session goes on.
func (s *sessions) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.all[sha256.Sum256([]byte(name))])
}

// end ends a session.
func (s *sessions) end(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(name)))
}

// The bounds of attempts to log in.
const (
	attemptEvery  = 2 * time.Second // for each address, after the first ones
	firstAttempts = 5
	maxAddresses  = 1000 // that have a limit of their own; the others share one
)

// attempts limit how often an address may try to log in. The zero value is ready.
type attempts struct {
	mu     sync.Mutex
	of     map[string]*rate.Limiter // by address
	others *rate.Limiter
}

// allow reports whether the caller may try, and counts that.
func (a *attempts) allow(r *http.Request) bool { return a.limiter(r).Allow() }

// left reports whether the caller might try.
func (a *attempts) left(r *http.Request) bool { return a.limiter(r).Tokens() >= 1 }

// limiter returns the limit of a caller.
func (a *attempts) limiter(r *http.Request) *rate.Limiter {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of, a.others = map[string]*rate.Limiter{}, rate.NewLimiter(rate.Every(attemptEvery), firstAttempts)
	}
	l := a.of[host]
	if l == nil && len(a.of) >= maxAddresses {
		for k, is := range a.of {
			if is.Tokens() >= firstAttempts {
				delete(a.of, k)
			}
		}
	}
	switch {
	case l != nil:
	case len(a.of) >= maxAddresses:
		l = a.others
	default:
		l = rate.NewLimiter(rate.Every(attemptEvery), firstAttempts)
		a.of[host] = l
	}
	return l
}
