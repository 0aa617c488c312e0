package main

import (
	"cmp"
	"fmt"
	"strings"
)

// fault is a change of a file: it replaces the bytes from begin to end.
type fault struct {
	path     string // of the file
	shown    string // the path from the module's root
	line     int
	function string // that the fault is in, as Func or Type.Method
	kind     string
	old, new string
	begin    int
	end      int
}

// what describes the change in one line.
func (f fault) what() string {
	if f.new == "" {
		return fmt.Sprintf("%s %s", f.kind, short(f.old))
	}
	return fmt.Sprintf("%s %s to %s", f.kind, short(f.old), short(f.new))
}

func (f fault) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.shown, f.line, f.function, f.what())
}

func (f fault) compare(g fault) int {
	return cmp.Or(strings.Compare(f.shown, g.shown), f.begin-g.begin, f.end-g.end, strings.Compare(f.new, g.new))
}

// apply returns the file's text with the fault.
func (f fault) apply(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(f.new))
	out = append(out, text[:f.begin]...)
	out = append(out, f.new...)
	return append(out, text[f.end:]...)
}

// short quotes a piece of source in one line of bounded length.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 70 {
		text = string(r[:67]) + "..."
	}
	return "`" + text + "`"
}
