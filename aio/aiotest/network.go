package aiotest

import (
	"context"
	"net"
	"sync"
	"time"

	"goaio.example/aio/internal/memnet"
)

// A Network is an in-memory network: a set of addresses to listen on and to
// dial. Its connections behave like TCP's on loopback, with buffers,
// half-closing and resets, but nothing leaves the process, no other program can
// take a port, and it works inside a synctest bubble. The zero value is an
// empty network. The fields must not change once it is in use. The methods are
// safe for concurrent use.
//
// It differs from TCP as follows: after a reset the peer cannot read what it
// had not read yet; there is no name lookup, a name is an address like any
// other, and "localhost" is 127.0.0.1.
type Network struct {
	// Latency is how long a dial takes, even one that is refused. Zero means no
	// time.
	Latency time.Duration

	// BufferSize bounds each direction of a connection in bytes; a Write
	// blocks beyond it. Zero or less means 64 KiB.
	BufferSize int

	// Backlog bounds the accept queue of each listener in connections; a dial
	// waits beyond it. Zero or less means 128.
	Backlog int

	once sync.Once
	mem  memnet.Network
}

// net returns the network itself.
func (n *Network) net() *memnet.Network {
	n.once.Do(func() {
		n.mem.Latency, n.mem.BufferSize, n.mem.Backlog = n.Latency, n.BufferSize, n.Backlog
	})
	return &n.mem
}

// Listen opens a listener on addr, a "host:port". Port 0, no port or an empty
// addr picks a free port. The host may be an IP address or any name; without a
// host the listener gets the dials to its port of every host that has no
// listener. The listener has a SetDeadline method, as those of package net do,
// and its connections are a Conn each. Close resets the connections that were
// not accepted.
//
// Errors are a *net.OpError: syscall.EADDRINUSE if addr is taken, a
// *net.AddrError if it is invalid.
func (n *Network) Listen(addr string) (net.Listener, error) {
	l, err := n.net().Listen(addr)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Dial is DialContext without a context: it waits without a limit.
func (n *Network) Dial(network, addr string) (net.Conn, error) {
	return n.net().Dial(network, addr)
}

// DialContext connects to the listener on addr, a "host:port"; no host means
// loopback. It can be used wherever a function like net.Dialer's is expected.
// It waits for Latency, while the accept queue is full, and for a black hole,
// but no longer than ctx; afterwards ctx has no influence. The connection is a
// Conn. It can be used before it is accepted.
//
// Errors are a *net.OpError: syscall.ECONNREFUSED if there is no listener,
// ctx.Err(), a *net.AddrError, or net.UnknownNetworkError unless network is
// "tcp", "tcp4" or "tcp6".
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return n.net().DialContext(ctx, network, addr)
}

// BlackHole makes addr, a "host:port", swallow what is sent to it: a dial to it
// hangs until its context ends, even if there is a listener. Existing
// connections go on. Its only error is that of an invalid addr.
func (n *Network) BlackHole(addr string) error { return n.net().BlackHole(addr) }

// Heal ends a BlackHole: dials that hang continue. Healing another address does
// nothing. Errors are those of BlackHole.
func (n *Network) Heal(addr string) error { return n.net().Heal(addr) }
