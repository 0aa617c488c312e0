// Package goaio is the root of a module that runs the operations of network
// programs under a supervising loop, and gives their results as futures and
// channels. The loop knows every operation in flight: it counts them, shows
// them, sends the errors that nobody asked for to one handler, and ends them
// all gracefully. When the loop's Run returns, nothing is left: no goroutine,
// no socket, no timer.
//
// This package holds documentation only. Import the packages below it:
//
//   - goaio.example/aio: the loop, futures, promises, events and stats
//   - goaio.example/aio/timer: delays, tickers, retries with backoff
//   - goaio.example/aio/dnsx: looking names up, with a cache
//   - goaio.example/aio/tcp: dialing, listening, connections, TLS, framing
//   - goaio.example/aio/httpx: HTTP client and server
//   - goaio.example/aio/aiotest: helpers for the tests of programs that use the
//     others
//
// Imports point one way: aio knows none of the others, timer and dnsx know aio,
// tcp may know those, and httpx all. The test beside this file holds that rule.
// The folder examples has programs to begin with, docs/design.md the reasons.
package goaio
