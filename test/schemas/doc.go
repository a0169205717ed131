// Package schemas checks configurations in the documentation against the types of products that the
// tests do not run: Envoy and Traefik.
package schemas
