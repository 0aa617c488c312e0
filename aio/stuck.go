package aio

import (
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

// StuckError says that operations did not end when they were cancelled, and
// that Run gave up on them after Loop.Abandon. They may still run. This is the
// only case in which Run leaves something behind.
type StuckError struct {
	Loop string   // the loop's name
	Ops  []OpInfo // the oldest first
}

// Error names the first ten operations. Their stacks are in Ops.
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

// A mark is an argument that identifies the operation of a goroutine in its
// stack: arrays are passed in memory, where runtime.Stack reads them. Its first
// word is the address of an operation. So goroutines need no labels to be
// found.
type mark [2]uintptr

// markSign is the second word of every mark: "goaio" in ASCII, shortened to 32
// bits.
const markSign = 0x6f61696f

func markOf(p unsafe.Pointer) mark { return mark{uintptr(p), markSign} }

// mark returns the mark of the operation's goroutine.
func (o *Op) mark() mark { return markOf(unsafe.Pointer(o)) }

// marked calls fn with a mark on the stack.
//
//go:noinline
func marked(_ mark, fn func()) { fn() }

// stacks has the stacks of all goroutines that carry marks, by the marks' first
// words.
type stacks map[uintptr]string

// maxStacks bounds the text of all stacks, in bytes.
const maxStacks = 16 << 20

// newStacks takes the stacks of all goroutines.
func newStacks() stacks {
	var text string
	for n := 64 << 10; text == ""; n *= 4 {
		buf := make([]byte, n)
		if m := runtime.Stack(buf, true); m < n || n >= maxStacks {
			text = string(buf[:m])
		}
	}
	out := stacks{}
	for stack := range strings.SplitSeq(text, "\n\n") {
		for _, m := range marks.FindAllStringSubmatch(stack, -1) {
			if p, err := strconv.ParseUint(m[1], 16, 64); err == nil {
				out[uintptr(p)] = stack
			}
		}
	}
	return out
}

var marks = regexp.MustCompile(fmt.Sprintf(`\({0x([0-9a-f]+), %#x}`, markSign))

// of returns the stack of the goroutine that runs o, "" if there is none.
func (s stacks) of(o *Op) string { return s[uintptr(unsafe.Pointer(o))] }
