package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// pty is a terminal that a program runs in, and what it shows.
type pty struct {
	t      *testing.T
	master *os.File
	slave  *os.File
	cmd    *exec.Cmd
	stderr strings.Builder

	mu      sync.Mutex
	changed *sync.Cond
	emulator
	ended bool // nothing more comes
}

// openPTY opens a terminal. It skips the test where there are none.
func openPTY(t *testing.T, cols, rows int) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("note: there are no pseudo-terminals, so none is tested:", err)
	}
	var number, unlock int32
	if !ioctl(master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock)) || !ioctl(master, syscall.TIOCGPTN, unsafe.Pointer(&number)) {
		t.Fatal("the pseudo-terminal cannot be unlocked")
	}
	slave, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		master.Close()
		t.Skip("note: there are no pseudo-terminals, so none is tested:", err)
	}
	p := &pty{t: t, master: master, slave: slave}
	p.changed = sync.NewCond(&p.mu)
	p.resize(cols, rows)
	t.Cleanup(func() {
		slave.Close()
		master.Close()
	})
	return p
}

// run starts this program in the terminal, with arguments. role is what
// TestMain has it be.
func (p *pty) run(role string, args ...string) {
	p.t.Helper()
	p.cmd = exec.CommandContext(p.t.Context(), os.Args[0], args...)
	p.cmd.Env = append(os.Environ(), "BE_THE_PROGRAM="+role)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.slave, p.slave, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("p.cmd.Start: %v", err)
	}
	go p.read()
}

// read shows what the program writes.
func (p *pty) read() {
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		p.write(buf[:n])
		p.ended = err != nil
		p.changed.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// resize gives the terminal another size, of which the kernel tells the
// program.
func (p *pty) resize(cols, rows int) {
	p.mu.Lock()
	p.emulator.resize(cols, rows)
	p.mu.Unlock()
	size := struct{ rows, cols, x, y uint16 }{rows: uint16(rows), cols: uint16(cols)}
	if !ioctl(p.master, syscall.TIOCSWINSZ, unsafe.Pointer(&size)) {
		p.t.Fatal("the terminal's size cannot be set")
	}
}

// press presses keys.
func (p *pty) press(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, keys); err != nil {
		p.t.Fatalf("io.WriteString: %v", err)
	}
}

// until waits until the screen is as ok says.
func (p *pty) until(what string, ok func(screen string) bool) {
	p.t.Helper()
	late := time.AfterFunc(30*time.Second, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended = true
		p.changed.Broadcast()
	})
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !ok(p.String()) {
		if p.ended {
			p.t.Fatalf("the terminal does not show %s (another screen %t, cursor hidden %t), but\n%s\nstandard error: %s", what, p.away, p.hidden, p.String(), &p.stderr)
		}
		p.changed.Wait()
	}
}

// shows waits until the screen has a text.
func (p *pty) shows(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q", text), func(screen string) bool { return strings.Contains(screen, text) })
}

// mode is the terminal's mode.
func (p *pty) mode() (m syscall.Termios) {
	p.t.Helper()
	if !ioctl(p.slave, getTermios, unsafe.Pointer(&m)) {
		p.t.Fatal("the terminal's mode cannot be had")
	}
	return m
}

// wait waits for the program's end, and returns its status.
func (p *pty) wait() int {
	p.t.Helper()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("p.cmd.Wait: %v", err)
	}
	return p.cmd.ProcessState.ExitCode()
}
