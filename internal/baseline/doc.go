// Package baseline reads what earlier runs have found, from reports and from the store, so that findings can be called new or known.
package baseline
