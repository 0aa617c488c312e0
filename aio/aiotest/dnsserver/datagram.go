package dnsserver

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"goaio.example/aio/internal/bell"
)

// maxInbox is the size of a datagram socket's receive buffer, in bytes.
// Datagrams that do not fit are lost, as in a kernel.
const maxInbox = 8 << 20

// datagram is the client's end of a connected datagram socket in memory. There
// is no server's end: Write passes the message to the server.
type datagram struct {
	server        *Server
	local, remote netip.AddrPort

	mu       sync.Mutex
	inbox    [][]byte
	size     int   // of the inbox, in bytes
	err      error // of the next read only: the port is unreachable
	closed   bool
	changed  bell.Bell // rung when any of these changes
	readEnd  time.Time
	writeEnd time.Time
}

// Resolvers, such as *net.Resolver, take a net.PacketConn for a connection with
// message boundaries.
var _ net.PacketConn = (*datagram)(nil)

func newDatagram(s *Server, local, remote netip.AddrPort) *datagram {
	return &datagram{server: s, local: local, remote: remote}
}

// Read reads one message. The part that does not fit into b is lost.
func (d *datagram) Read(b []byte) (int, error) {
	n, err := d.read(b)
	return n, d.wrap("read", err)
}

func (d *datagram) read(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.closed:
			return 0, net.ErrClosed
		case passed(d.readEnd):
			return 0, os.ErrDeadlineExceeded
		case d.err != nil:
			err := d.err
			d.err = nil
			return 0, err
		case len(d.inbox) > 0:
			m := d.inbox[0]
			d.inbox[0] = nil
			d.inbox = d.inbox[1:]
			d.size -= len(m)
			return copy(b, m), nil
		}
		d.wait()
	}
}

// wait waits until something changes or the deadline for reading passes. The
// caller holds the mutex, which is unlocked meanwhile.
func (d *datagram) wait() {
	changed := d.changed.C()
	var late <-chan time.Time
	if !d.readEnd.IsZero() {
		t := time.NewTimer(time.Until(d.readEnd))
		defer t.Stop()
		late = t.C
	}
	d.mu.Unlock()
	defer d.mu.Lock()
	select {
	case <-changed:
	case <-late:
	}
}

// Write sends b as one message. It never blocks.
func (d *datagram) Write(b []byte) (int, error) {
	d.mu.Lock()
	closed, late := d.closed, passed(d.writeEnd)
	d.mu.Unlock()
	switch {
	case closed:
		return 0, d.wrap("write", net.ErrClosed)
	case late:
		return 0, d.wrap("write", os.ErrDeadlineExceeded)
	case len(b) > maxMessage-28: // the headers of IP and UDP
		return 0, d.wrap("write", os.NewSyscallError("write", syscall.EMSGSIZE))
	}
	s := d.server
	s.mu.Lock()
	gone := s.closed
	s.mu.Unlock()
	if gone {
		d.refuse()
	} else if p := s.plan(b, origin{UDP, d.remote.String(), d.local}); p != nil {
		s.after(p.delay, func() { d.carryOut(p) })
	}
	return len(b), nil
}

// carryOut delivers a plan's messages. Those from another port are dropped, as
// the system does for a connected socket.
func (d *datagram) carryOut(p *plan) {
	if !p.other {
		for _, m := range p.messages {
			d.receive(m)
		}
	}
	if p.right != nil {
		d.receive(p.right)
	}
	if p.reset {
		d.refuse()
	}
}

func (d *datagram) receive(m []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed && d.size+len(m) <= maxInbox {
		d.inbox = append(d.inbox, m)
		d.size += len(m)
		d.changed.Ring()
	}
}

// refuse makes the next read fail as with an unreachable port.
func (d *datagram) refuse() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = os.NewSyscallError("read", syscall.ECONNREFUSED)
	d.changed.Ring()
}

// ReadFrom is Read, and returns the server's address.
func (d *datagram) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := d.Read(b)
	return n, d.RemoteAddr(), err
}

// WriteTo fails: the socket is connected.
func (d *datagram) WriteTo([]byte, net.Addr) (int, error) {
	return 0, d.wrap("write", net.ErrWriteToConnected)
}

// Close closes the socket, and ends a Read under way.
func (d *datagram) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return d.wrap("close", net.ErrClosed)
	}
	d.closed, d.inbox = true, nil
	d.changed.Ring()
	return nil
}

func (d *datagram) LocalAddr() net.Addr  { return net.UDPAddrFromAddrPort(d.local) }
func (d *datagram) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(d.remote) }

func (d *datagram) SetDeadline(t time.Time) error      { return d.set(&t, &t) }
func (d *datagram) SetReadDeadline(t time.Time) error  { return d.set(&t, nil) }
func (d *datagram) SetWriteDeadline(t time.Time) error { return d.set(nil, &t) }

func (d *datagram) set(read, write *time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return d.wrap("set", net.ErrClosed)
	}
	if read != nil {
		d.readEnd = *read
		d.changed.Ring()
	}
	if write != nil {
		d.writeEnd = *write
	}
	return nil
}

// wrap returns an error as a *net.OpError.
func (d *datagram) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "udp", Source: d.LocalAddr(), Addr: d.RemoteAddr(), Err: err}
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }
