package aiotest

import (
	"net"

	"goaio.example/aio/internal/memnet"
)

// A Conn is an in-memory connection, from a Network or from Pipe: a net.Conn
// with more of the methods of a *net.TCPConn. Every net.Conn that Network's
// methods return is a Conn:
//
//	c, err := network.Dial("tcp", addr)
//	...
//	c.(aiotest.Conn).Abort()
//
// As in package net, every error except io.EOF is a *net.OpError. Match them
// with errors.Is: net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNRESET,
// syscall.EPIPE.
//
// Close with unread data in the buffer is a reset, like Abort. Otherwise, after
// Close, the peer's first Write succeeds and is lost, and later ones fail.
type Conn interface {
	net.Conn

	// CloseRead ends reading: present and future data is lost. The peer is not
	// told.
	CloseRead() error

	// CloseWrite ends this end's direction: the peer reads buffered data, then
	// io.EOF, and may still write.
	CloseWrite() error

	// SetLinger with 0 makes Close an Abort. With any other number of seconds
	// Close is as usual.
	SetLinger(sec int) error

	// Abort ends the connection with a reset: what the peer has not read is
	// lost, and its reads and writes fail with syscall.ECONNRESET.
	Abort() error
}

// Pipe returns the two ends of an in-memory connection with buffers of 64 KiB.
// Unlike those of net.Pipe they are buffered, can be half-closed and reset, and
// have addresses.
func Pipe() (a, b Conn) {
	x, y := memnet.Pipe()
	return x.(*memnet.Conn), y.(*memnet.Conn)
}
