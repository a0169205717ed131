// Package demo shows Interlock at work in one process: a correct and a vulnerable backend, real clients in front of them, and probes.
package demo
