//go:build !race

package timer_test

// chainLength is how many delays, each started by the one before, tests start.
const chainLength = 1_000_000
