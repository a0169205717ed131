// Package baseline reads the findings of earlier runs from reports and from the store.
package baseline
