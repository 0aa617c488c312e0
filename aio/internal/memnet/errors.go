package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// opError wraps err as package net does: in a *net.OpError, with an
// *os.SyscallError between if err is an errno. It returns nil, io.EOF, the bare
// errAgain and a *net.OpError unchanged.
func opError(op, call string, local, remote net.Addr, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, errAgain) {
		return err
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return err
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		err = os.NewSyscallError(call, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: local, Addr: remote, Err: err}
}
