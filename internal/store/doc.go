// Package store keeps findings, and the exchanges that show them, in an SQLite file or in a
// PostgreSQL database that many instances share. Writers never block: findings wait in memory, all
// counted, until the store takes them; exchanges wait as far as there is room, and the rest is
// counted.
package store
