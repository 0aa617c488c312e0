// Package live shows a loop.
package live
