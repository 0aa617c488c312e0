// Package soak runs all packages of goaio in one loop for as long as is asked:
// a TCP server and its clients, plain and TLS; an HTTP server and its client; a
// resolver and a DNS server; timers; and jobs with a worker. The rounds of each
// cancel, abort and break off at random, and check what they receive by its
// bytes or its sum.
//
// Each minute the rounds stop between two of them, and what is left is
// counted: operations, goroutines, descriptors, and the heap after a garbage
// collection. None of these may grow.
package soak
