package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// opError dresses err as package net does: a *net.OpError around it, with an
// *os.SyscallError between if it is an errno. Nil, io.EOF, the bare errAgain
// and what is a *net.OpError already stay as they are.
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
