// Package recipes tests the recipes in deploy/kubernetes and deploy/helm: it renders them, checks
// them against the schemas of Kubernetes, and runs what is rendered on loopback.
package recipes
