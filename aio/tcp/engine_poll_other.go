//go:build !linux

package tcp

import "net"

// Only Linux has bare connections.

var bareEngine engine = parkEngine{}

// bareTransport is never called.
func bareTransport(*Conn) transport { return nil }

type pollers struct{}

func pollersOf(any) *pollers { return nil }

type bareListener struct{}

func listenBare(net.Listener) *bareListener { return nil }

func (*bareListener) accept(*connOptions) (*Conn, error) { return nil, net.ErrClosed }

func (*bareListener) close() {}

func bareOf(net.Conn, *connOptions) *Conn { return nil }

func singleAddr(net.Listener) net.Addr { return nil }
