// Package e2e has the end-to-end tests: real clients and real servers, with the program between
// them. They need the programs that e2e/install installs, and the build tag e2e.
package e2e
