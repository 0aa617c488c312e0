package live

import (
	"fmt"
	"math"
	"strings"
	"unicode"
)

// maxVisible is how many characters of a string Visible returns.
const maxVisible = 200

// Visible returns s for people to look at, in a terminal or a page: control
// characters, those that change the direction of what follows, and others that
// cannot be seen are replaced by escapes such as \n, \x1b and \u202e, and what
// is beyond 200 characters by "…". Names of operations may be a peer's input.
// In HTML the result is to be escaped as any text.
func Visible(s string) string { return visible(s, maxVisible) }

// visible is Visible with another bound.
func visible(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range s { // what is not UTF-8 comes as U+FFFD
		if n++; n > most {
			b.WriteString("…")
			break
		}
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// visibleLines is Visible for a text of many lines, of any length.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.Repeat("    ", len(line)-len(strings.TrimLeft(line, "\t"))) + visible(strings.TrimLeft(line, "\t"), math.MaxInt)
	}
	return strings.Join(lines, "\n")
}
