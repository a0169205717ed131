// Package audit takes exchanges as they happen, has the rules judge them, and keeps what they found: each finding is
// counted and never dropped, the exchanges that show it are kept within bounds, and every upgrade exchange is logged.
package audit
