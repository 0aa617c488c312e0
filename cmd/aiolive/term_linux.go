package main

import (
	"os"
	"syscall"
	"unsafe"
)

// byKey has the terminal give each key as it is pressed, and not show it.
// restore undoes that. It does nothing to what is no terminal.
func byKey(f *os.File) (restore func()) {
	var old syscall.Termios
	if !ioctl(f, syscall.TCGETS, unsafe.Pointer(&old)) {
		return func() {}
	}
	raw := old
	raw.Lflag &^= syscall.ICANON | syscall.ECHO
	raw.Cc[syscall.VMIN], raw.Cc[syscall.VTIME] = 1, 0
	ioctl(f, syscall.TCSETS, unsafe.Pointer(&raw))
	return func() { ioctl(f, syscall.TCSETS, unsafe.Pointer(&old)) }
}

// terminalSize returns the size of the terminal, in characters.
func terminalSize(f *os.File) (width, height int) {
	var size struct{ rows, cols, x, y uint16 }
	if !ioctl(f, syscall.TIOCGWINSZ, unsafe.Pointer(&size)) || size.rows == 0 || size.cols == 0 {
		return 80, 24
	}
	return int(size.cols), int(size.rows)
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
