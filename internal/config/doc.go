// Package config reads and checks the configuration: the file over the defaults, with the position
// of each fault, and the options of the configured packages. The command applies flags and
// environment variables.
package config
