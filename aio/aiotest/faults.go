package aiotest

import (
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// The default errors of EachFault.
var (
	readErrs  = []error{syscall.ECONNRESET, syscall.ETIMEDOUT, io.EOF, io.ErrUnexpectedEOF}
	writeErrs = []error{syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EPIPE}
)

// EachFault runs fn as a subtest repeatedly: with a fault in the first read, in
// the second, and so on until there is no further read that could fail, and
// then in the same way for writes. It does so for each error, and for writes
// with and without a first byte that is written. fn applies the plan to a
// connection with Faulty. It may change the plan before that (Once, MaxRead
// ...), and must not be parallel.
//
// Without errs these are syscall.ECONNRESET and ETIMEDOUT for both, io.EOF and
// io.ErrUnexpectedEOF for reads, and syscall.EPIPE for writes.
//
// A subtest that fails ends its series: later ones would mostly fail in the
// same way. The test fails if no fault ever happened, and after 10,000 rounds
// of a series.
func EachFault(t *testing.T, fn func(t *testing.T, plan Plan), errs ...error) {
	t.Helper()
	each := enumerator{t: t, what: "no plan's fault ever happened: is it given to Faulty?"}
	for _, err := range orDefault(errs, readErrs) {
		each.series(func(k int) round { return faultRound(Plan{FailRead: k, Err: err}, fn) })
	}
	for _, err := range orDefault(errs, writeErrs) {
		for partial := range 2 {
			each.series(func(k int) round { return faultRound(Plan{FailWrite: k, Err: err, Partial: partial}, fn) })
		}
	}
	each.conclude()
}

func orDefault(errs, defaults []error) []error {
	if len(errs) > 0 {
		return errs
	}
	return defaults
}

func faultRound(plan Plan, fn func(t *testing.T, plan Plan)) round {
	plan.fired = new(atomic.Bool)
	return round{
		// a slash separates levels of subtests
		name:  strings.ReplaceAll(plan.String(), "/", "-"),
		run:   func(t *testing.T) { fn(t, plan) },
		fired: plan.fired.Load,
	}
}
