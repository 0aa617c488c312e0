package aiotest

import (
	"context"
	"net"
	"sync"
	"time"

	"goaio.example/aio/internal/memnet"
)

// Network is a network in memory: a set of addresses to listen on and to dial.
// Its connections behave like TCP's on loopback, with buffers, half-closing and
// resets, but nothing leaves the process, no port can be taken by somebody
// else, and it works inside a synctest bubble. The zero value is an empty
// network. The fields must not change once it is in use; the methods may be
// called from any goroutine.
//
// Where it is not like TCP: after a reset the peer cannot read what it had not
// read yet; there is no name lookup, a name is an address like any other, and
// "localhost" is 127.0.0.1.
type Network struct {
	// Latency is how long a dial takes, also one that is refused. Zero is no
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
// host the listener gets what is dialed to this port of any host that has no
// listener of its own. The listener has a SetDeadline method, as those of
// package net do, and its connections are a Conn each. Close resets the
// connections that were not accepted.
//
// Errors are a *net.OpError: syscall.EADDRINUSE if addr is taken, a
// *net.AddrError if it makes no sense.
func (n *Network) Listen(addr string) (net.Listener, error) {
	l, err := n.net().Listen(addr)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Dial is DialContext without a context: it waits as long as it takes.
func (n *Network) Dial(network, addr string) (net.Conn, error) {
	return n.net().Dial(network, addr)
}

// DialContext connects to the listener on addr, a "host:port"; no host means
// loopback. It fits where a function like net.Dialer's is wanted. It waits for
// Latency, while the accept queue is full, and for a black hole, but no longer
// than ctx; afterwards ctx has no influence. The connection is a Conn. It can
// be used before it is accepted.
//
// Errors are a *net.OpError: syscall.ECONNREFUSED if nobody listens, ctx.Err(),
// a *net.AddrError, or net.UnknownNetworkError unless network is "tcp", "tcp4"
// or "tcp6".
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return n.net().DialContext(ctx, network, addr)
}

// BlackHole makes addr, a "host:port", swallow what is sent to it: a dial to it
// hangs until its context ends, whether somebody listens or not. Connections
// that exist are not touched. Its only error is that of an addr that makes no
// sense.
func (n *Network) BlackHole(addr string) error { return n.net().BlackHole(addr) }

// Heal ends a BlackHole: dials that hang go on. Healing an address that is none
// does nothing. Errors are those of BlackHole.
func (n *Network) Heal(addr string) error { return n.net().Heal(addr) }
