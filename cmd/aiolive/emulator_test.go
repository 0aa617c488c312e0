package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// emulator is a terminal as far as aiolive needs one. What it does not know is
// kept in odd.
type emulator struct {
	cols, rows int
	cells      [][]rune
	x, y       int
	other      [][]rune // the other screen's cells
	away       bool     // the screen is the other one
	hidden     bool     // the cursor is
	nowrap     bool
	held       string // the beginning of what comes next
	odd        []string
}

// resize gives the terminal another size. What is beyond is lost.
func (e *emulator) resize(cols, rows int) {
	e.cols, e.rows = cols, rows
	for _, cells := range []*[][]rune{&e.cells, &e.other} {
		*cells = slices.Grow(*cells, rows)[:min(len(*cells), rows)]
		for len(*cells) < rows {
			*cells = append(*cells, nil)
		}
		for i, line := range *cells {
			(*cells)[i] = line[:min(len(line), cols)]
		}
	}
	e.x, e.y = min(e.x, cols-1), min(e.y, rows-1)
}

// String is what is on the screen.
func (e *emulator) String() string {
	var b strings.Builder
	for _, line := range e.cells {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}

// write shows what a program writes.
func (e *emulator) write(b []byte) {
	s := e.held + string(b)
	for s != "" {
		n := e.step(s)
		if n == 0 {
			break
		}
		s = s[n:]
	}
	e.held = s
}

// step does what the first character or sequence of s says, and returns how
// long it is; 0 if it is not there as a whole.
func (e *emulator) step(s string) int {
	switch {
	case s[0] == '\r':
		e.x = 0
		return 1
	case s[0] == '\n':
		e.down()
		return 1
	case s[0] == '\x1b':
		return e.escape(s)
	case !utf8.FullRuneInString(s):
		return 0
	}
	r, n := utf8.DecodeRuneInString(s)
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError && n == 1 {
		e.odd = append(e.odd, s[:n])
		return n
	}
	if e.x == e.cols {
		if e.nowrap {
			e.x--
		} else {
			e.x = 0
			e.down()
		}
	}
	line := e.cells[e.y]
	for len(line) <= e.x {
		line = append(line, ' ')
	}
	line[e.x] = r
	e.cells[e.y] = line
	e.x++
	return n
}

// down goes to the next line, and scrolls if there is none.
func (e *emulator) down() {
	if e.y++; e.y == e.rows {
		e.y--
		e.cells = append(e.cells[1:], nil)
	}
}

// escape does what a control sequence says.
func (e *emulator) escape(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != '[' {
		e.odd = append(e.odd, s[:2])
		return 2
	}
	end := strings.IndexFunc(s[2:], func(r rune) bool { return r >= '@' && r <= '~' })
	if end < 0 {
		return 0
	}
	n := end + 3
	switch seq := s[2:n]; seq {
	case "H":
		e.x, e.y = 0, 0
	case "K":
		e.cells[e.y] = e.cells[e.y][:min(e.x, len(e.cells[e.y]))]
	case "J":
		e.cells[e.y] = e.cells[e.y][:min(e.x, len(e.cells[e.y]))]
		clear(e.cells[e.y+1:])
	case "?1049h", "?1049l":
		if e.away != (seq == "?1049h") {
			e.away = !e.away
			e.cells, e.other = e.other, e.cells
			e.x, e.y = 0, 0
		}
	case "?25l", "?25h":
		e.hidden = seq == "?25l"
	case "?7l", "?7h":
		e.nowrap = seq == "?7l"
	case "7m", "0m":
	default:
		e.odd = append(e.odd, s[:n])
	}
	return n
}

// taken reports whether a program has taken the terminal over.
func (e *emulator) taken() bool { return e.away && e.hidden && e.nowrap }

// free reports whether the terminal is as it was before that.
func (e *emulator) free() bool { return !e.away && !e.hidden && !e.nowrap }

func TestEmulator(t *testing.T) {
	e := new(emulator)
	e.resize(5, 3)
	e.write([]byte("abc\r\n\xc3"))
	e.write([]byte("\xa4\x1b[7mdefgh\x1b[0m\x1b[?7"))
	e.write([]byte("l\r\n12345678\x1b]0;x\x07\x1b[2J"))
	if got, want := e.String(), "ädefg\nh\n12347\n"; !strings.HasPrefix(got, "ädefg\nh\n1234") {
		t.Errorf("got %q, want about %q", got, want)
	}
	if got := fmt.Sprintf("%q", e.odd); got != `["\x1b]" "\a" "\x1b[2J"]` {
		t.Errorf("odd: %s", got)
	}
	e.write([]byte("\x1b[H\x1b[K\x1b[?1049h\x1b[?25l"))
	if !e.taken() || e.String() != "\n\n\n" {
		t.Errorf("another screen: %t, %q", e.taken(), e.String())
	}
	e.write([]byte("\x1b[?7h\x1b[?25h\x1b[?1049l"))
	if !e.free() || !strings.HasPrefix(e.String(), "\nh\n1234") {
		t.Errorf("the first screen: %t, %q", e.free(), e.String())
	}
}
