// Package config reads and checks the configuration: the file, with the place of each fault in it, over the defaults, and what follows
// from it for the packages that it configures. Flags and variables of the environment are laid over it by the command.
package config
