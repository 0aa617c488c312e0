package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// in runs aiolive in a terminal of 100 by 24, with a page to look at, until it
// is taken over. Then it calls look, and checks that the terminal is as it was
// in the end. status is the one that the program is to have.
func in(t *testing.T, role string, status int, look func(p *pty)) {
	p := openPTY(t, 100, 24)
	before := p.mode()
	looked(t, "127.0.0.1:0", "", func(_ context.Context, url string) {
		p.run(role, url)
		p.until("its own screen", func(string) bool { return p.taken() })
		p.shows("shop: running")
		if m := p.mode(); m == before {
			t.Error("the terminal does not give each key")
		}
		look(p)
		if got := p.wait(); got != status {
			t.Errorf("the status is %d, want %d; standard error: %s", got, status, &p.stderr)
		}
	})
	if m := p.mode(); m != before {
		t.Errorf("the terminal's mode is %+v, and was %+v", m, before)
	}
	p.until("the screen from before", func(string) bool { return p.free() })
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.odd) > 0 {
		t.Errorf("the terminal was sent %q", p.odd)
	}
}

// Sorting, searching, another size and the end, key by key; names cannot do
// anything to the terminal.
func TestTerminal(t *testing.T) {
	in(t, "aiolive", 0, func(p *pty) {
		p.shows("+ aio.spawn x10")
		p.shows(`GET /\x1b[2J\x1b]0;title\x07\u202e\n #`)
		p.press("s")
		p.shows("OPERATIONS by new")
		p.press("ss")
		p.shows("OPERATIONS by name")
		p.press("\x1b[Bj\r") // main, the daemon, the jobs
		p.shows("- aio.spawn x10")
		p.shows("job #")
		p.press("/GEX\x7fT\r")
		p.until("the matches only", func(screen string) bool {
			return strings.Contains(screen, `by name, 1 match "GET"`) && !strings.Contains(screen, "job #")
		})
		p.press("\x1b")
		p.shows("+ aio.spawn x10")

		p.resize(40, 10)
		p.until("a screen that fits", func(screen string) bool {
			return strings.HasPrefix(screen, "shop: running\nin flight ") && strings.Contains(screen, "+ aio.spawn x10\nq quit  s sort") &&
				strings.Contains(screen, "cancelle…\n")
		})
		p.resize(40, 7)
		p.until("fewer rows", func(screen string) bool { return strings.Contains(screen, "there is more\nq quit") })
		p.resize(120, 40)
		p.until("all of the wide line", func(screen string) bool { return strings.Contains(screen, "written 0B\n") })
		p.press("q")
		p.shows("shop: running") // what was seen last stays
	})
}

// Whatever ends the program, the terminal is as it was.
func TestTerminalIsRestored(t *testing.T) {
	for _, c := range []struct {
		name, role string
		status     int
		do         func(p *pty)
	}{
		{"SIGTERM", "aiolive", 0, func(p *pty) { p.cmd.Process.Signal(syscall.SIGTERM) }},
		{"SIGHUP", "aiolive", 0, func(p *pty) { p.cmd.Process.Signal(syscall.SIGHUP) }},
		{"Ctrl-C", "aiolive", 0, func(p *pty) { p.press("\x03") }},
		{"panic", "panic", 2, func(p *pty) { p.press("/") }},
		{"panic of the stream", "panic stream", 2, func(p *pty) { p.press("s") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, c.role, c.status, func(p *pty) {
				p.shows("aio.spawn")
				c.do(p)
			})
		})
	}
}

// Ctrl-Z gives the terminal back, and after it the program goes on.
func TestSuspend(t *testing.T) {
	in(t, "aiolive", 0, func(p *pty) {
		taken := p.mode()
		p.shows("aio.spawn")
		p.press("\x1a")
		// what else tells is a wait for the child, which exec makes
		for state := ""; state != "T"; time.Sleep(5 * time.Millisecond) {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
			if err != nil {
				t.Fatalf("os.ReadFile: %v", err)
			}
			state = strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))[0]
		}
		p.until("the screen from before", func(string) bool { return p.free() })
		if m := p.mode(); m == taken {
			t.Error("the terminal still gives each key")
		}
		p.cmd.Process.Signal(syscall.SIGCONT)
		p.until("its own screen", func(string) bool { return p.taken() })
		p.shows("aio.spawn")
		p.press("q")
	})
}
