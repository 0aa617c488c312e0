package memnet

import "net"

// Pipe returns the two ends of a connection with buffers of 64 KiB. Both are
// a *Conn. Unlike those of net.Pipe they are buffered, can be half-closed and
// reset, and have addresses.
func Pipe() (a, b net.Conn) { return new(Network).Pipe() }

// Pipe is the function Pipe with the network's BufferSize, and with addresses
// on loopback.
func (n *Network) Pipe() (a, b net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := endpoint{loopback, n.clientPort()}
	y := endpoint{loopback, n.clientPort()}
	return newLink(n.bufferSize(), x.addr(), y.addr())
}
