package aiotest

import (
	"net"

	"goaio.example/aio/internal/memnet"
)

// Conn is a connection in memory, from a Network or from Pipe: a net.Conn with
// further methods of a *net.TCPConn. What Network's methods return as a
// net.Conn is a Conn:
//
//	c, err := network.Dial("tcp", addr)
//	...
//	c.(aiotest.Conn).Abort()
//
// Errors are a *net.OpError each, as those of package net, but for io.EOF.
// Match them with errors.Is: net.ErrClosed, os.ErrDeadlineExceeded,
// syscall.ECONNRESET, syscall.EPIPE.
//
// Close with unread data in the buffer is a reset, as Abort is. After another
// Close the peer's first Write succeeds and is lost, those after it fail.
type Conn interface {
	net.Conn

	// CloseRead gives up reading: what is and will be sent is lost. The peer
	// is not told.
	CloseRead() error

	// CloseWrite ends this end's direction: the peer reads what is buffered,
	// then io.EOF, and may go on writing.
	CloseWrite() error

	// SetLinger with 0 makes Close an Abort, with any other number of seconds
	// it makes Close what it is.
	SetLinger(sec int) error

	// Abort ends the connection by a reset: what the peer has not read is
	// lost, and its reads and writes fail with syscall.ECONNRESET.
	Abort() error
}

// Pipe returns the two ends of a connection in memory with buffers of 64 KiB.
// Unlike those of net.Pipe they are buffered, can be half-closed and reset, and
// have addresses.
func Pipe() (a, b Conn) {
	x, y := memnet.Pipe()
	return x.(*memnet.Conn), y.(*memnet.Conn)
}
