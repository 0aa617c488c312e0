//go:build linux || darwin || freebsd

package main

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"
)

// byKey has the terminal give each key as it is pressed, and not show it.
// restore undoes that. It does nothing if the file is not a terminal.
func byKey(f *os.File) (restore func()) {
	var old syscall.Termios
	if !ioctl(f, getTermios, unsafe.Pointer(&old)) {
		return func() {}
	}
	raw := old
	raw.Lflag &^= syscall.ICANON | syscall.ECHO
	raw.Cc[syscall.VMIN], raw.Cc[syscall.VTIME] = 1, 0
	ioctl(f, setTermios, unsafe.Pointer(&raw))
	return func() { ioctl(f, setTermios, unsafe.Pointer(&old)) }
}

// terminalSize returns the size of the terminal, in characters, if it is known.
func terminalSize(f *os.File) (width, height int, ok bool) {
	var size struct{ rows, cols, x, y uint16 }
	if !ioctl(f, syscall.TIOCGWINSZ, unsafe.Pointer(&size)) || size.rows == 0 || size.cols == 0 {
		return 0, 0, false
	}
	return int(size.cols), int(size.rows), true
}

// ioctl reports whether the call has succeeded.
func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) bool {
	c, err := f.SyscallConn() // Fd would have reads block a thread
	if err != nil {
		return false
	}
	var errno syscall.Errno
	err = c.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg))
	})
	return err == nil && errno == 0
}

// watchTerminal returns a channel for what the terminal tells by signals: its
// size has changed, or Ctrl-Z was pressed.
func watchTerminal() (signals chan os.Signal, stop func()) {
	signals = make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGTSTP)
	return signals, func() { signal.Stop(signals) }
}

// suspends reports whether a signal asks the program to stop.
func suspends(sig os.Signal) bool { return sig == syscall.SIGTSTP }

// stopSelf stops the process, and returns when it has been told to go on: a
// thread may run for a moment after the kill.
func stopSelf() {
	goOn := make(chan os.Signal, 1)
	signal.Notify(goOn, syscall.SIGCONT)
	defer signal.Stop(goOn)
	if syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) == nil {
		<-goOn
	}
}
