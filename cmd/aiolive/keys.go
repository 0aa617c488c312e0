package main

import (
	"os"
	"unicode/utf8"
)

// readKeys reads the keys of a terminal, or what comes from another file.
// restore has the terminal be as it was. The goroutine that reads ends with the
// program: a read of a terminal cannot be cut short.
func readKeys(in *os.File) (keys <-chan string, restore func()) {
	restore = byKey(in)
	ch := make(chan string)
	go func() {
		defer close(ch)
		buf := make([]byte, 64)
		for {
			n, err := in.Read(buf)
			for _, k := range keysOf(buf[:n]) {
				ch <- k
			}
			if err != nil {
				return
			}
		}
	}()
	return ch, restore
}

// keysOf names the keys that have been pressed: "enter", "escape", "backspace",
// "up", "down", or a character.
func keysOf(b []byte) (keys []string) {
	for len(b) > 0 {
		switch {
		case len(b) >= 3 && b[0] == '\x1b' && (b[1] == '[' || b[1] == 'O'):
			switch b[2] {
			case 'A':
				keys = append(keys, "up")
			case 'B':
				keys = append(keys, "down")
			}
			b = b[3:]
			continue
		case b[0] == '\x1b':
			keys = append(keys, "escape")
		case b[0] == '\r' || b[0] == '\n':
			keys = append(keys, "enter")
		case b[0] == '\x7f' || b[0] == '\b':
			keys = append(keys, "backspace")
		default:
			r, n := utf8.DecodeRune(b)
			keys = append(keys, string(r))
			b = b[n:]
			continue
		}
		b = b[1:]
	}
	return keys
}
