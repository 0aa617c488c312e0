package main

import (
	"bytes"
	"os"
	"unicode/utf8"
)

// readKeys reads the keys of a terminal, or what comes from another file. The
// goroutine that reads ends with the program: a read of a terminal cannot be
// cut short.
func readKeys(in *os.File) <-chan string {
	ch := make(chan string)
	go func() {
		defer close(ch)
		buf := make([]byte, 64)
		for held := 0; ; {
			n, err := in.Read(buf[held:])
			keys, rest := keysOf(buf[:held+n])
			for _, k := range keys {
				ch <- k
			}
			held = copy(buf, rest)
			if err != nil {
				return
			}
		}
	}()
	return ch
}

// sequences are the keys that a terminal sends as a sequence: what follows the
// escape and the "[" or "O".
var sequences = map[string]string{
	"A": "up", "B": "down", "H": "home", "F": "end", "1~": "home", "4~": "end", "5~": "page up", "6~": "page down",
}

// keysOf names the keys that have been pressed: "enter", "escape", "backspace",
// those of sequences, or a character. Other sequences are left out. rest is the
// beginning of a character, if that is all that has come of it.
func keysOf(b []byte) (keys []string, rest []byte) {
	for len(b) > 0 {
		switch {
		case len(b) >= 3 && b[0] == '\x1b' && (b[1] == '[' || b[1] == 'O'):
			n := 2 + bytes.IndexFunc(b[2:], func(r rune) bool { return r >= '@' && r <= '~' })
			if n < 2 { // it is cut off, and nothing that we know
				return keys, nil
			}
			if k := sequences[string(b[2:n+1])]; k != "" {
				keys = append(keys, k)
			}
			b = b[n+1:]
			continue
		case b[0] == '\x1b':
			keys = append(keys, "escape")
		case b[0] == '\r' || b[0] == '\n':
			keys = append(keys, "enter")
		case b[0] == '\x7f' || b[0] == '\b':
			keys = append(keys, "backspace")
		case !utf8.FullRune(b):
			return keys, b
		default:
			r, n := utf8.DecodeRune(b)
			keys = append(keys, string(r))
			b = b[n:]
			continue
		}
		b = b[1:]
	}
	return keys, nil
}
