package main

import (
	"fmt"
	"runtime/metrics"
	"strconv"
)

// httpCommand is what an HTTP server can be asked for: "allocs", the objects
// that it has allocated so far; "figures", see figures; "pending", how many
// requests it holds; "release", to answer them.
func httpCommand(command string) (string, error) {
	switch command {
	case "allocs":
		return strconv.FormatUint(allocated(), 10), nil
	case "figures":
		return ownFigures().String(), nil
	case "pending":
		return strconv.Itoa(held.count()), nil
	case "release":
		held.end()
		return "", nil
	}
	return "", fmt.Errorf("%q is no command", command)
}

// figures are what a Go program says of itself.
type figures struct {
	heap, stacks uint64 // in bytes
	goroutines   uint64
}

func ownFigures() figures {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(s)
	return figures{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64()}
}

// String is what parseFigures reads.
func (f figures) String() string { return fmt.Sprint(f.heap, f.stacks, f.goroutines) }

func parseFigures(text string) (f figures, err error) {
	_, err = fmt.Sscan(text, &f.heap, &f.stacks, &f.goroutines)
	return f, err
}
