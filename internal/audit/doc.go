// Package audit judges exchanges as they happen and keeps the findings. Every finding is counted
// and never dropped; the exchanges that show it are kept within bounds; every upgrade exchange is
// logged.
package audit
