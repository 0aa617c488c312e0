package main

import (
	"io"
	"os"
)

// The terminal's control sequences.
const (
	// another screen, without a cursor; long lines are cut
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	endLine     = "\x1b[K\r\n"
	endScreen   = "\x1b[J"
	reverse     = "\x1b[7m"
	plain       = "\x1b[0m"
)

// terminal is the terminal that the loop is shown in: where keys come from, and
// where the screen is.
type terminal struct {
	in      *os.File
	out     io.Writer
	restore func() // nil while the terminal is as it was
}

// enter takes the terminal over. Call leave in the end, whatever happens.
func (t *terminal) enter() {
	t.restore = byKey(t.in)
	io.WriteString(t.out, enterScreen) //nolint:errcheck // a terminal that is gone sends a signal
}

// leave has the terminal be as it was.
func (t *terminal) leave() {
	if t.restore == nil {
		return
	}
	restore := t.restore
	t.restore = nil
	defer restore()
	io.WriteString(t.out, leaveScreen) //nolint:errcheck // see enter
}

// suspend gives the terminal back while the program is stopped, as Ctrl-Z asks
// for, and takes it over again after that.
func (t *terminal) suspend() {
	t.leave()
	defer t.enter()
	stopSelf()
}

// size returns the terminal's size, in characters; 80 by 24 if it is not known.
func (t *terminal) size() (width, height int) {
	files := []*os.File{t.in}
	if out, ok := t.out.(*os.File); ok {
		files = append(files, out)
	}
	for _, f := range files {
		if width, height, ok := terminalSize(f); ok {
			return width, height
		}
	}
	return 80, 24
}
