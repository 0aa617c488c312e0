// Mutants seeds small faults into the files of a package, one at a time, and
// reports those that the tests do not catch.
//
//	go run ./.ci/mutants ./aio/timer                   # a sample of 40 faults
//	go run ./.ci/mutants -n 0 ./aio/timer after.go     # every fault of one file
//	go run ./.ci/mutants -list ./aio/timer after.go    # lists the faults only
//	go run ./.ci/mutants -run 'Cancel|Drain' ./aio     # runs some of the tests
//	go run ./.ci/mutants -tests ./aio/... ./aio/timer  # runs other tests as well
//
// The tree is not changed: a fault is given to the compiler by its -overlay
// flag. A fault is caught if a test fails, or does not end within -timeout. A
// fault that does not compile does not count. The command exits with status 1
// if a fault survives.
//
// The kinds of faults are: a statement deleted, two neighbouring statements
// swapped, a condition negated, a comparison moved by one or inverted, && and
// || exchanged, + and - exchanged, a returned error replaced by nil, a break or
// continue deleted, and a Boolean constant inverted.
//
// The file equivalent.txt lists faults that change nothing a program can see,
// each with the reason. They are identified by file, function and text, so that
// they are found when lines move, and reported as equivalent instead of run.
package main
