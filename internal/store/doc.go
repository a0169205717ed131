// Package store keeps what was found, and the exchanges that show it, in an SQLite file or a PostgreSQL database that many
// instances share. Writing never holds up who writes: findings wait in memory, each counted, until the store takes them;
// of exchanges as many wait as there is room for, and the rest is counted.
package store
