// Package cookbook has the recipes of docs/cookbook.md, each as a test.
package cookbook
