package memnet

import (
	"sync"
	"syscall"
	"time"

	"goaio.example/aio/internal/bell"
)

// The values used for zero fields of a Network.
const (
	DefaultBufferSize = 64 << 10 // bytes, in each direction
	DefaultBacklog    = 128      // connections that wait to be accepted
)

// Network is a set of addresses that can be listened on and dialed. The zero
// value is an empty network, ready to use. Networks are independent of each
// other. The fields must not change once the network is in use. The methods are
// safe for concurrent use.
type Network struct {
	// Latency is how long a dial takes, even one that is refused.
	Latency time.Duration

	// BufferSize bounds each direction of a connection in bytes; a Write
	// blocks beyond it. Zero or less is DefaultBufferSize.
	BufferSize int

	// Backlog bounds the accept queue of each listener; a dial waits beyond
	// it. Zero or less is DefaultBacklog.
	Backlog int

	mu        sync.Mutex
	healed    bell.Bell                       // rung by Heal
	holes     map[endpoint]bool               // black holes
	listeners map[uint16]map[string]*Listener // by port, by host
	port      uint16                          // last one picked
}

// New returns an empty network, the same as new(Network).
func New() *Network { return new(Network) }

// Listen opens a listener on addr, a "host:port". Port 0, no port or an empty
// addr picks a free port. The host may be an IP address or any name; without a
// host the listener gets the dials to its port of every host that has no
// listener. It does not block. Errors: syscall.EADDRINUSE if addr is taken,
// *net.AddrError if addr is invalid.
func (n *Network) Listen(addr string) (*Listener, error) {
	e, err := parseEndpoint(addr)
	if err != nil {
		return nil, opError("listen", "", nil, nil, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if e.port == 0 {
		e.port = n.freePort()
	}
	if e.port == 0 || n.taken(e) {
		return nil, opError("listen", "bind", nil, e.addr(), syscall.EADDRINUSE)
	}
	l := &Listener{net: n, at: e, addr: e.addr()}
	if n.listeners == nil {
		n.listeners = make(map[uint16]map[string]*Listener)
	}
	if n.listeners[e.port] == nil {
		n.listeners[e.port] = make(map[string]*Listener)
	}
	n.listeners[e.port][e.host] = l
	return l, nil
}

// BlackHole makes addr, a "host:port", swallow what is sent to it: a dial to it
// hangs until its context ends, listener or not. Existing connections go on.
// Its only error is that of an invalid addr.
func (n *Network) BlackHole(addr string) error {
	return n.setHole(addr, true)
}

// Heal ends a BlackHole. Dials that hang continue. Healing another address does
// nothing. Errors are those of BlackHole.
func (n *Network) Heal(addr string) error {
	return n.setHole(addr, false)
}

func (n *Network) setHole(addr string, hole bool) error {
	e, err := parseTarget(addr)
	if err != nil {
		return opError("set", "", nil, nil, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !hole {
		delete(n.holes, e)
		n.healed.Ring()
		return nil
	}
	if n.holes == nil {
		n.holes = make(map[endpoint]bool)
	}
	n.holes[e] = true
	return nil
}

// The mutex must be held for the methods below.

// find returns the listener for dials to e, or nil.
func (n *Network) find(e endpoint) *Listener {
	if l := n.listeners[e.port][e.host]; l != nil {
		return l
	}
	return n.listeners[e.port][""]
}

// taken reports whether a listener on e would conflict with another.
func (n *Network) taken(e endpoint) bool {
	_, same := n.listeners[e.port][e.host]
	return same
}

// Automatic ports begin at firstPort, as on Linux.
const firstPort = 32768

// freePort returns a port without a listener, 0 if there is none.
func (n *Network) freePort() uint16 {
	for range 1<<16 - firstPort {
		if p := n.clientPort(); len(n.listeners[p]) == 0 {
			return p
		}
	}
	return 0
}

// clientPort returns the port of a dialing end. Ports repeat after 32,768: they
// only have to distinguish the connections in a test.
func (n *Network) clientPort() uint16 {
	n.port = max(n.port+1, firstPort)
	return n.port
}

func (n *Network) bufferSize() int {
	if n.BufferSize <= 0 {
		return DefaultBufferSize
	}
	return n.BufferSize
}

func (n *Network) backlog() int {
	if n.Backlog <= 0 {
		return DefaultBacklog
	}
	return n.Backlog
}
