package tcp

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// bare is the transport of a Conn whose socket is in no netpoller of Go's, so
// that it costs no more memory than the Conn: its loop's pollers report when
// there is something to read or room to write. It becomes a socket of Go's,
// permanently, when it is read in stream style or begins to speak TLS: see
// promote.
//
// The descriptor is used only with the connection's lock held and while it is
// open, so that it never refers to another file.
type bare Conn

// bareTransport returns the transport of a bare connection.
func bareTransport(c *Conn) transport { return (*bare)(c) }

func (b *bare) conn() *Conn { return (*Conn)(b) }

// promoted returns the socket that the connection has become, nil if it is
// bare.
func (b *bare) promoted() transport {
	if p := b.conn().peek().promoted.Load(); p != nil {
		return p.transport
	}
	return nil
}

// promote moves the socket to Go's netpoller. The lock is held.
func (b *bare) promote() error {
	c := b.conn()
	if !b.bare.isOpen() {
		return net.ErrClosed
	}
	b.unlist()
	nc := connOf(b.fd()) // takes the descriptor over
	if nc == nil {
		b.bare.socket = bareClosed
		return os.NewSyscallError("dup", syscall.EMFILE)
	}
	b.bare.socket = barePromoted
	t := newTransport(nc)
	b.bare.fd.Store(int32(t.fd()))
	x := c.extra()
	x.promoted.Store(&promotion{t})
	switch c.out.stream {
	case streamWriting:
		t.SetWriteDeadline(x.wdl.at) // cannot fail: it is open
		x.writable.Ring()            // so that Write continues with t
	case streamFlushing:
		parkEngine{}.flush(c)
	}
	if x.hangUp.armed {
		c.armHangUp()
	}
	return nil
}

// unlist removes the connection from its poller. The lock is held.
func (b *bare) unlist() {
	if b.bare.socket == bareListed {
		b.bare.socket = bareOpen
		p := b.conn().poller()
		p.conns.set(b.fd(), nil)
		p.ep.remove(b.fd()) // fails only if it is not registered
	}
}

func (b *bare) tryWrite(p []byte) (int, error) {
	if t := b.promoted(); t != nil {
		return t.tryWrite(p)
	}
	return b.write(p)
}

func (b *bare) tryWritev(bufs net.Buffers) (int, error) {
	if t := b.promoted(); t != nil {
		return t.tryWritev(bufs)
	}
	return b.writeVec(bufs)
}

// write writes what fits. The lock is held.
func (b *bare) write(p []byte) (int, error) {
	if !b.bare.isOpen() {
		return 0, net.ErrClosed
	}
	return writeNow(b.fd(), p)
}

// writeVec writes what fits of bufs, which are at most maxVec. The lock is
// held.
func (b *bare) writeVec(bufs net.Buffers) (int, error) {
	if !b.bare.isOpen() {
		return 0, net.ErrClosed
	}
	return writevNow(b.fd(), bufs)
}

func (b *bare) writeSome(p []byte) (int, error) {
	c := b.conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if t := b.promoted(); t != nil {
			c.mu.Unlock()
			defer c.mu.Lock()
			return t.writeSome(p)
		}
		if n, err := b.write(p); n > 0 || err != nil {
			return n, err
		}
		if err := b.waitWritable(); err != nil {
			return 0, err
		}
	}
}

// waitWritable waits until there may be room, or the write deadline has passed.
// The lock is held; it is released while waiting.
func (b *bare) waitWritable() error {
	c := b.conn()
	x := c.extra()
	if x.wdl.passed() {
		return os.ErrDeadlineExceeded
	}
	c.engine().aside(c)
	writable, late, done := x.writable.C(), x.wdl.wait(&c.mu), c.doneLocked()
	if err := b.askWritable(); err != nil {
		return err
	}
	c.mu.Unlock()
	select {
	case <-writable:
	case <-late:
	case <-done:
	}
	c.mu.Lock()
	return nil
}

// askWritable asks the poller to report when there is room. The lock is held.
func (b *bare) askWritable() error {
	if b.bare.socket != bareListed {
		return net.ErrClosed
	}
	return b.conn().poller().ep.addOut(b.fd())
}

func (b *bare) writev(bufs *net.Buffers) (int64, error) {
	if t := b.promoted(); t != nil {
		return t.writev(bufs)
	}
	var sum int64
	for _, p := range *bufs {
		for len(p) > 0 {
			n, err := b.writeSome(p)
			sum += int64(n)
			if err != nil {
				return sum, err
			}
			p = p[n:]
		}
	}
	return sum, nil
}

// A goroutine can wait only on a promoted socket.

func (b *bare) pump(deliver func([]byte) bool, idle func() bool) error {
	if t := b.promoted(); t != nil {
		return t.pump(deliver, idle)
	}
	return net.ErrClosed
}

func (b *bare) poll(deliver func([]byte) bool) (bool, error) {
	if t := b.promoted(); t != nil {
		return t.poll(deliver)
	}
	return false, net.ErrClosed
}

func (b *bare) Read(p []byte) (int, error) {
	if t := b.promoted(); t != nil {
		return t.Read(p)
	}
	return 0, net.ErrClosed
}

func (b *bare) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = b.writeSome(p[n:])
		n += m
	}
	return n, err
}

func (b *bare) SetReadDeadline(at time.Time) error {
	if t := b.promoted(); t != nil {
		return t.SetReadDeadline(at)
	}
	return nil // handlers have none
}

func (b *bare) SetWriteDeadline(at time.Time) error {
	if t := b.promoted(); t != nil {
		return t.SetWriteDeadline(at)
	}
	return nil // waitWritable applies the connection's
}

func (b *bare) SetDeadline(at time.Time) error {
	if err := b.SetReadDeadline(at); err != nil {
		return err
	}
	return b.SetWriteDeadline(at)
}

func (b *bare) Close() error {
	if t := b.promoted(); t != nil {
		return t.Close()
	}
	c := b.conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := b.promoted(); t != nil {
		return t.Close()
	}
	if !b.bare.isOpen() {
		return net.ErrClosed
	}
	b.keepLocal()
	listed := b.bare.socket == bareListed
	b.endLoan()
	b.bare.socket = bareClosed
	if listed {
		p := c.poller()
		p.conns.set(b.fd(), nil) // closing removes it from the epoll instance
		p.post(c)                // for the last callbacks
	}
	return closeNow(b.fd())
}

// CloseWrite ends the outgoing side.
func (b *bare) CloseWrite() error {
	return b.control(func(fd int) error { return os.NewSyscallError("shutdown", syscall.Shutdown(fd, syscall.SHUT_WR)) })
}

// SetLinger is net.TCPConn's SetLinger.
func (b *bare) SetLinger(sec int) error {
	return b.control(func(fd int) error {
		l := syscall.Linger{Onoff: 1, Linger: int32(sec)}
		return os.NewSyscallError("setsockopt", syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l))
	})
}

// control calls fn with the descriptor, if it is open, promoted or not.
func (b *bare) control(fn func(fd int) error) error {
	c := b.conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch t := b.promoted(); {
	case t != nil:
		return control(t.under(), fn)
	case !b.bare.isOpen():
		return net.ErrClosed
	}
	return fn(b.fd())
}

// control calls fn with the descriptor of a socket of Go's, if it is open.
func control(nc net.Conn, fn func(fd int) error) error {
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	if cerr := raw.Control(func(fd uintptr) { err = fn(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

func (b *bare) fd() int { return int(b.bare.fd.Load()) }

func (b *bare) under() net.Conn {
	if t := b.promoted(); t != nil {
		return t.under()
	}
	return b
}

// RemoteAddr returns the peer's address, as returned by accept.
func (b *bare) RemoteAddr() net.Addr {
	if a := b.conn().peek().remote; a != nil {
		return a
	}
	if _, ok := b.opts.local.(*net.UnixAddr); ok {
		return unnamed
	}
	ip := netip.AddrFrom16(b.bare.peer)
	if b.bare.family == 4 {
		ip = ip.Unmap()
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, b.bare.port))
}

// LocalAddr returns the listener's address, or the socket's if the listener has
// several.
func (b *bare) LocalAddr() net.Addr {
	if a := b.opts.local; a != nil {
		return a
	}
	c := b.conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := b.promoted(); t != nil {
		return t.LocalAddr()
	}
	b.keepLocal()
	return c.peek().local
}

// keepLocal stores the local address, if it would be lost with the socket. The
// lock is held.
func (b *bare) keepLocal() {
	if b.opts.local != nil || !b.bare.isOpen() || b.conn().peek().local != nil {
		return
	}
	sa, err := syscall.Getsockname(b.fd())
	if err != nil {
		return
	}
	b.conn().extra().local = addrOf(sa)
}

var (
	_ transport   = (*bare)(nil)
	_ closeWriter = (*bare)(nil)
)
