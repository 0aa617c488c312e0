package aio

import (
	"fmt"
	"runtime"
	"strings"
)

// StuckError says that operations did not end when they were cancelled, and that Run gave up waiting after
// Loop.Abandon. What it names may still run: it is the one exception to the promise that Run leaves nothing behind.
type StuckError struct {
	Loop string   // the loop's name
	Ops  []OpInfo // the oldest first
}

func (e *StuckError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "aio: gave up on %d operations that did not end when cancelled", len(e.Ops))
	for n, i := range e.Ops {
		if n == 10 {
			fmt.Fprintf(&b, "; and %d more", len(e.Ops)-n)
			break
		}
		b.WriteString("; " + i.String())
	}
	return b.String()
}

// stacks has the stacks of all goroutines, to be searched for those of operations.
type stacks []string

// maxStacks bounds the text of all stacks, in bytes.
const maxStacks = 16 << 20

// newStacks takes the stacks of all goroutines.
func newStacks() stacks {
	for n := 64 << 10; ; n *= 4 {
		buf := make([]byte, n)
		if m := runtime.Stack(buf, true); m < n || n >= maxStacks {
			return strings.Split(string(buf[:m]), "\n\n")
		}
	}
}

// of returns the stack of the goroutine that runs o, "" if there is none. It is the one whose outermost frames have o
// among their arguments, so that operations need no label on their goroutines.
func (s stacks) of(o *Op) string {
	arg := fmt.Sprintf("(%p", o)
	for _, stack := range s {
		if strings.Contains(stack, arg) && strings.Contains(stack, "aio.(*") {
			return stack
		}
	}
	return ""
}
