package tcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// handshakeTime is how long a TLS handshake may take unless
// Dialer.TLSTimeout says otherwise.
const handshakeTime = 10 * time.Second

var kindTLS = aio.NewKind("tcp.tls")

// upgrade is a TLS handshake to be carried out.
type upgrade struct {
	cfg     *tls.Config
	server  bool
	asked   bool // by StartTLS, whose promise it is
	begun   bool // it is being carried out; the connection's lock guards it
	promise aio.Promise[tls.ConnectionState]
	heard   atomic.Int64 // the connection's age when the peer has said something last, 0 before
}

// OpCancel does nothing: a handshake cannot be stopped half-way but by the
// connection's end.
func (u *upgrade) OpCancel(error) {}
func (u *upgrade) OpName() string { return "TLS handshake" }

// reject fails the promise; told says that the error was reported, so that it
// is no lost one.
func (u *upgrade) reject(err error, told bool) {
	if !u.asked {
		return
	}
	if told {
		u.promise.Op().Told()
	}
	u.promise.Reject(err)
}

// StartTLS begins TLS on a plain connection, as its client: cfg must have a
// ServerName or InsecureSkipVerify. With a handler the handshake begins when
// the callback that is running has returned; what has been delivered by then
// was plain, and what comes after it is the handshake. Without one, no Read or
// Write may be under way. Until the future resolves, Read, Write and Send fail;
// what was sent before goes out before the handshake. The handshake may take 10
// s, or the Dialer's TLSTimeout; if it fails the connection ends, with the
// future's error. TLS 1.2 is the least that is spoken, unless cfg says
// otherwise. The peer's end is an EOF only if it said so in TLS (close_notify),
// else an [io.ErrUnexpectedEOF].
func (c *Conn) StartTLS(cfg *tls.Config) *aio.Future[tls.ConnectionState] {
	return c.startTLS(cfg, false)
}

// StartTLSServer is StartTLS as the server: cfg must have a certificate.
func (c *Conn) StartTLSServer(cfg *tls.Config) *aio.Future[tls.ConnectionState] {
	return c.startTLS(cfg, true)
}

func (c *Conn) startTLS(cfg *tls.Config, server bool) *aio.Future[tls.ConnectionState] {
	up := &upgrade{cfg: cfg, server: server, asked: true}
	if up.promise.Start(c.op.Context(), kindTLS, "", up) != nil {
		return up.promise.Future()
	}
	c.mu.Lock()
	var err error
	switch {
	case !c.life.open() || c.out.side != sideOpen:
		err = c.endError("tls")
	case c.layer() != nil || c.peek().upgrade != nil:
		err = c.condition("tls", errors.New("the connection has TLS already"))
	case c.peek().reads.underWay > 0 || c.out.stream.written():
		err = c.condition("tls", errors.New("the connection is being read or written"))
	default:
		up.heard.Store(max(c.now(), 1))
		c.unframe()
		c.extra().upgrade = up
		c.upgradeInStream()
		c.wakeLocked()
	}
	told := c.life.told()
	c.mu.Unlock()
	if err != nil {
		up.reject(err, told)
	}
	return up.promise.Future()
}

// upgradeInStream has a handshake that is asked for be made by a goroutine, if
// the connection is in stream style: there is no engine to do it. The lock is
// held.
func (c *Conn) upgradeInStream() {
	if up := c.peek().upgrade; up != nil && !up.begun && !c.in.engaged() {
		up.begun = true
		c.run(func() { c.carryOutUpgrade() })
	}
}

// TLS returns the state of the connection's TLS, and whether it has any.
func (c *Conn) TLS() (tls.ConnectionState, bool) {
	if l := c.layer(); l != nil {
		return l.ConnectionState(), true
	}
	return tls.ConnectionState{}, false
}

// carryOutUpgrade makes the handshake that the connection asks for. It reports
// whether that went well; if not, the connection has ended.
func (c *Conn) carryOutUpgrade() bool {
	c.mu.Lock()
	up := c.peek().upgrade
	if up != nil {
		up.begun = true
	}
	c.mu.Unlock()
	if up == nil {
		return false
	}
	l, err := c.handshake(up)
	if err != nil {
		c.fail(c.failure("tls", err), false) // rejects the promise
		return false
	}
	c.mu.Lock()
	c.extra().tls.Store(l) // and nothing plain is sent between the two
	c.extra().upgrade = nil
	c.readingBegins()
	c.boundReads() // which the handshake took no notice of; fails only on a closed connection
	c.wakeLocked() // an engine that has waited for it
	c.mu.Unlock()
	if up.asked {
		up.promise.Resolve(l.ConnectionState())
	}
	return true
}

// handshake puts TLS on the connection. The connection's end ends it.
func (c *Conn) handshake(up *upgrade) (*tlsLayer, error) {
	l := &tlsLayer{conn: c, shaking: up}
	c.mu.Lock()
	r := &c.extra().reads
	l.fed, r.ahead = r.ahead, nil
	if c.drained() {
		c.setAlarmLocked()
	}
	c.mu.Unlock()
	if up.server {
		l.Conn = tls.Server((*tlsInner)(l), up.cfg)
	} else {
		l.Conn = tls.Client((*tlsInner)(l), up.cfg)
	}
	if d := orDefault(c.opts.tlsTimeout, handshakeTime); d > 0 {
		late := time.AfterFunc(d, func() { c.fail(c.condition("tls", errHandshake), false) })
		defer late.Stop()
	}
	err := l.HandshakeContext(context.WithoutCancel(c.Context()))
	if err != nil {
		c.answerPlain(l, err)
	}
	l.shaking = nil
	return l, err
}

// errHandshake is what the condition of a handshake that took too long is
// about.
var errHandshake error = handshakeError{}

type handshakeError struct{}

func (handshakeError) Error() string   { return "TLS handshake timeout" }
func (handshakeError) Timeout() bool   { return true }
func (handshakeError) Temporary() bool { return false }

// tlsLayer is TLS between a connection and its transport. It encrypts into the
// connection's queue, so that no write of package tls ever blocks or stops
// half-way, and decrypts what pump feeds it, so that a connection that waits
// holds no buffer.
type tlsLayer struct {
	*tls.Conn
	conn    *Conn
	wmu     sync.Mutex                // held by a send, before the connection's lock
	fed     []byte                    // what was read and package tls has not taken yet
	feeding atomic.Pointer[tlsFeeder] // nil: Read goes on with the transport when fed is empty
	shaking *upgrade                  // the handshake that is under way
}

// tlsFeeder is who feeds a tlsLayer.
type tlsFeeder struct{ _ byte }

// layer returns the connection's TLS, nil without any.
func (c *Conn) layer() *tlsLayer {
	if x := c.x.Load(); x != nil {
		return x.tls.Load()
	}
	return nil
}

// tlsInner is the net.Conn that package tls sees beneath it.
type tlsInner tlsLayer

func (i *tlsInner) Read(p []byte) (int, error) {
	if len(i.fed) > 0 {
		n := copy(p, i.fed)
		i.fed = i.fed[n:]
		return n, nil
	}
	if i.feeding.Load() != nil {
		return 0, errDry
	}
	for {
		n, err := i.conn.transport().Read(p)
		if up := i.shaking; up != nil {
			if n > 0 {
				up.heard.Store(max(i.conn.now(), 1))
				i.conn.readingBegins()
			} else if i.conn.woken(err) { // which must not end the handshake
				continue
			}
		}
		if isEOF(err) {
			err = errTruncated
		}
		return n, err
	}
}

// Write queues p. It must not wait: the sender waited before, or was admitted.
func (i *tlsInner) Write(p []byte) (int, error) {
	c := i.conn
	c.mu.Lock()
	if c.life.ended() || c.out.side == sideFailed {
		defer c.mu.Unlock()
		return 0, c.endError("write")
	}
	err := c.enqueue(false, p)
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (i *tlsInner) Close() error                      { return i.conn.transport().Close() }
func (i *tlsInner) LocalAddr() net.Addr               { return i.conn.transport().LocalAddr() }
func (i *tlsInner) RemoteAddr() net.Addr              { return i.conn.transport().RemoteAddr() }
func (i *tlsInner) SetDeadline(t time.Time) error     { return nil }
func (i *tlsInner) SetReadDeadline(t time.Time) error { return nil }

// SetWriteDeadline does nothing: writes never wait.
func (i *tlsInner) SetWriteDeadline(t time.Time) error { return nil }

// errTruncated says that the stream ended without the peer's having said so in
// TLS: an attacker may have cut it short. Package tls would take a bare io.EOF
// between two records for a clean end.
var errTruncated = fmt.Errorf("the TLS connection ended without a close_notify: %w", io.ErrUnexpectedEOF)

// errDry says that package tls must wait for more. It is temporary, which
// package tls takes for an error that does not end the stream.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "nothing to read yet" }
func (dryError) Timeout() bool   { return false }
func (dryError) Temporary() bool { return true }

// pump is transport.pump for what TLS carries.
func (l *tlsLayer) pump(deliver func([]byte) bool, idle func() bool) error {
	return l.through(deliver, func(decrypt func([]byte) bool) (bool, error) {
		return false, l.conn.transport().pump(decrypt, idle)
	})
}

// poll is transport.poll for what TLS carries.
func (l *tlsLayer) poll(deliver func([]byte) bool) (dry bool, err error) {
	err = l.through(deliver, func(decrypt func([]byte) bool) (bool, error) {
		var err error
		dry, err = l.conn.transport().poll(decrypt)
		return dry, err
	})
	return dry, err
}

// through has read feed the TLS layer, after what it has read and not decrypted
// yet. When the connection is hijacked meanwhile, what is fed belongs to the
// next reader.
func (l *tlsLayer) through(deliver func([]byte) bool, read func(decrypt func([]byte) bool) (bool, error)) error {
	me := new(tlsFeeder)
	l.feeding.Store(me)
	defer l.feeding.CompareAndSwap(me, nil)
	var failed error
	decrypt := func(data []byte) bool {
		l.fed = data
		var more bool
		more, failed = l.decryptAll(deliver)
		if l.feeding.Load() == me && len(l.fed) > 0 {
			l.fed = bytes.Clone(l.fed) // data is borrowed
		}
		return more && failed == nil
	}
	if more, err := l.decryptAll(deliver); !more || err != nil {
		return err
	}
	_, err := read(decrypt)
	switch {
	case isEOF(err):
		return errTruncated
	case err != nil:
		return err
	}
	return failed
}

// keepFed leaves what is fed to the next reader: the connection is hijacked by
// a callback of the feeder's.
func (l *tlsLayer) keepFed() {
	l.fed = bytes.Clone(l.fed)
	l.feeding.Store(nil)
}

// decryptAll delivers what can be decrypted of what is there.
func (l *tlsLayer) decryptAll(deliver func([]byte) bool) (more bool, err error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	for {
		n, err := l.Read(buf[:])
		if n > 0 && !deliver(buf[:n]) {
			return false, nil
		}
		if errors.Is(err, errDry) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// sendAll encrypts bufs into the queue.
func (l *tlsLayer) sendAll(bufs [][]byte) error {
	for _, b := range bufs {
		if _, err := l.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// maxRecord is how much plaintext one TLS record carries.
const maxRecord = 16 << 10

// writeTLS is Write on a TLS connection: it waits for the queue to be empty
// before each record, and after the last.
func (c *Conn) writeTLS(l *tlsLayer, p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admitWrite(func() bool { return !c.out.stream.written() }); err != nil {
		return 0, err
	}
	c.startRecords()
	defer func() {
		c.endRecords()
		c.unlocked(c.flushed)
	}()
	empty := func() bool { return !c.out.stream.taken() && c.queued() == 0 }
	for len(p) > 0 {
		if err := c.waitOut(empty); err != nil {
			return n, err
		}
		var m int
		c.unlocked(func() {
			l.wmu.Lock()
			defer l.wmu.Unlock()
			m, err = l.Write(p[:min(len(p), maxRecord)])
			err = c.failure("write", err)
		})
		n += m
		if err != nil {
			return n, err
		}
		p = p[m:]
	}
	return n, c.waitOut(empty)
}
