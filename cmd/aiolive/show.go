package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode"

	"goaio.example/aio/live"
)

// retryTime is how long a connection that has failed is not tried again.
const retryTime = time.Second

// shown is the state of the screen.
type shown struct {
	view    view
	last    *live.Snapshot
	note    string // the last line
	typing  *string
	term    *terminal
	signals <-chan os.Signal // of the terminal
}

// show shows the loop until it has ended, a key asks for the end, or ctx ends.
// What was seen last stays on the terminal.
func show(ctx context.Context, f *feed, v view, stdin *os.File, stdout io.Writer) error {
	s := &shown{view: v, term: &terminal{in: stdin, out: stdout}}
	err := s.full(ctx, f)
	if s.last != nil {
		width, _ := s.term.size()
		for _, l := range screen(s.last, s.view, width, 0) {
			fmt.Fprintln(stdout, l.text)
		}
	}
	if errors.Is(err, errEnded) {
		fmt.Fprintln(stdout, visible(err.Error()))
		return nil
	}
	return err
}

// full shows the loop on the whole screen. The terminal is as it was when full
// returns, and also when it panics.
func (s *shown) full(ctx context.Context, f *feed) error {
	signals, stop := watchTerminal()
	defer stop()
	s.signals = signals
	defer s.term.leave()
	s.term.enter()
	return s.run(ctx, f, readKeys(s.term.in))
}

// run shows what comes, and does what keys say.
func (s *shown) run(ctx context.Context, f *feed, keys <-chan string) error {
	for {
		again, err := s.follow(ctx, f, keys)
		if !again {
			return err
		}
	}
}

// follow shows one stream of snapshots. It reports whether another is to be
// shown: one of another view, or after a failure.
func (s *shown) follow(ctx context.Context, f *feed, keys <-chan string) (again bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	snaps, ended := make(chan *live.Snapshot), make(chan error, 1)
	v := s.view // as it is now
	go func() {
		defer close(snaps)
		defer func() {
			if v := recover(); v != nil {
				ended <- &panicError{v, debug.Stack()}
			}
		}()
		ended <- f.stream(ctx, v, func(snap *live.Snapshot) {
			select {
			case snaps <- snap:
			case <-ctx.Done():
			}
		})
	}()
	defer func() { // the goroutine has ended
		stop()
		for range snaps { // what still comes is dropped
		}
	}()
	var retry <-chan time.Time
	for next := snaps; ; {
		s.draw()
		select {
		case snap, ok := <-next:
			if ok {
				s.last, s.note = snap, ""
				continue
			}
			err := <-ended
			var panicked *panicError
			if errors.As(err, &panicked) {
				panic(panicked.String()) // here, where the terminal is left
			}
			var status *statusError
			if errors.Is(err, errEnded) || errors.As(err, &status) || ctx.Err() != nil {
				return false, err
			}
			s.note = "not connected (" + err.Error() + "); trying again"
			retry, next = time.After(retryTime), nil
		case <-retry:
			return true, nil
		case key, ok := <-keys:
			if !ok {
				keys = nil
				continue
			}
			switch s.press(key) {
			case quits:
				return false, nil
			case asks:
				return true, nil
			}
		case sig := <-s.signals:
			if suspends(sig) {
				s.term.suspend()
			}
		case <-ctx.Done():
			return false, nil
		}
	}
}

// panicError is a panic of the goroutine that reads the stream.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string  { return fmt.Sprint("panic: ", e.value) }
func (e *panicError) String() string { return fmt.Sprintf("%v\n\n%s", e.value, e.stack) }

// draw draws the screen.
func (s *shown) draw() {
	width, height := s.term.size()
	var b strings.Builder
	b.WriteString(home)
	if s.last != nil {
		s.view.row = min(s.view.row, max(0, len(s.last.Tree.Rows)-1))
		for _, l := range screen(s.last, s.view, width, height-1) {
			if l.marked {
				b.WriteString(reverse + l.text + plain + endLine)
			} else {
				b.WriteString(l.text + endLine)
			}
		}
	}
	b.WriteString(cut(visible(s.lastLine()), width) + endScreen)
	io.WriteString(s.term.out, b.String()) //nolint:errcheck // a terminal that is gone sends a signal
}

// lastLine is what is said below.
func (s *shown) lastLine() string {
	switch {
	case s.typing != nil:
		return "search: " + live.Visible(*s.typing)
	case s.note != "":
		return s.note
	case s.last == nil:
		return "connecting"
	}
	return "q quit  s sort  / search  j k move  Enter open"
}

// effect is what a key asks for.
type effect int

const (
	draws effect = iota // the same stream
	asks                // another stream
	quits
)

// pageRows is how many rows a key for a page moves by.
const pageRows = 15

// press does what a key says.
func (s *shown) press(key string) effect {
	if s.typing != nil {
		return s.typeKey(key)
	}
	switch key {
	case "q":
		return quits
	case "s":
		i := slices.Index(sorts, s.view.sort)
		s.view.sort = sorts[(i+1)%len(sorts)]
		return asks
	case "/":
		s.typing = new(string)
	case "j", "down":
		s.view.row++
	case "k", "up":
		s.view.row = max(0, s.view.row-1)
	case "page down", " ":
		s.view.row += pageRows
	case "page up":
		s.view.row = max(0, s.view.row-pageRows)
	case "g", "home":
		s.view.row = 0
	case "G", "end":
		s.view.row = math.MaxInt
	case "escape":
		if s.view.search != "" || len(s.view.open) > 0 {
			s.view.search, s.view.open = "", nil
			return asks
		}
	case "enter":
		return s.toggle()
	}
	return draws
}

// typeKey takes a key of a search.
func (s *shown) typeKey(key string) effect {
	switch key {
	case "enter":
		s.view.search, s.typing, s.view.row = *s.typing, nil, 0
		return asks
	case "escape":
		s.typing = nil
	case "backspace":
		if r := []rune(*s.typing); len(r) > 0 {
			*s.typing = string(r[:len(r)-1])
		}
	default:
		if r := []rune(key); len(r) == 1 && unicode.IsPrint(r[0]) {
			*s.typing += key
		}
	}
	return draws
}

// toggle opens or closes the row that is marked.
func (s *shown) toggle() effect {
	if s.last == nil || s.view.row >= len(s.last.Tree.Rows) {
		return draws
	}
	r := &s.last.Tree.Rows[s.view.row]
	if r.Op != nil {
		return draws
	}
	if i := slices.Index(s.view.open, r.Key); i >= 0 {
		s.view.open = slices.Delete(slices.Clone(s.view.open), i, i+1)
	} else {
		s.view.open = append(slices.Clone(s.view.open), r.Key)
	}
	return asks
}
