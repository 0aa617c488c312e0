package aiotest

import (
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// goroutines holds stacks by the goroutine's name in the first line.
type goroutines map[string]string

// header matches the first line of the stack of a goroutine in a bubble.
var header = regexp.MustCompile(`^(goroutine \d+) .*\[.*(synctest bubble \d+)`)

// bubble returns the name of the caller's synctest bubble, "" if it is in none.
func bubble() string {
	buf := make([]byte, 256)
	first, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), "\n")
	if m := header.FindStringSubmatch(first); m != nil {
		return m[2]
	}
	return ""
}

// goroutinesOf returns the goroutines in a bubble.
func goroutinesOf(bubble string) goroutines {
	all := goroutines{}
	for stack := range strings.SplitSeq(allStacks(), "\n\n") {
		first, _, _ := strings.Cut(stack, "\n")
		if m := header.FindStringSubmatch(first); m != nil && m[2] == bubble {
			all[m[1]] = stack
		}
	}
	return all
}

// allStacks returns the stacks of all goroutines.
func allStacks() string {
	for buf := make([]byte, 64<<10); ; buf = make([]byte, 4*len(buf)) {
		if n := runtime.Stack(buf, true); n < len(buf) {
			return string(buf[:n])
		}
	}
}

// without returns the stacks that are not in before, each after an empty line.
func (g goroutines) without(before goroutines) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if _, old := before[name]; !old {
			b.WriteString("\n\n" + g[name])
		}
	}
	return b.String()
}
