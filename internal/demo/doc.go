// Package demo shows Interlock at work in one process: a correct and a vulnerable backend, real
// clients, and probes.
package demo
