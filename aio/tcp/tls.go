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

// upgrade is a TLS handshake to be made.
type upgrade struct {
	cfg     *tls.Config
	server  bool
	asked   bool // requested by StartTLS, whose promise it is
	begun   bool // it is being made; the connection's lock guards it
	promise aio.Promise[tls.ConnectionState]
	// the connection's age when the peer last sent something, 0 before
	heard atomic.Int64
}

// OpCancel does nothing: only the connection's end can stop a handshake.
func (u *upgrade) OpCancel(error) {}
func (u *upgrade) OpName() string { return "TLS handshake" }

// reject fails the promise. told means that the error was reported, so that it
// is not a lost one.
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
// the running callback has returned; data delivered by then was plain, and data
// after it is the handshake. Without one, no Read or Write may be in progress.
// Until the future resolves, Read, Write and Send fail; what was sent before
// goes out before the handshake. The handshake may take 10 s, or the Dialer's
// TLSTimeout; if it fails the connection ends, with the future's error. The
// minimum version is TLS 1.2, unless cfg says otherwise. The peer's end is an
// EOF only if the peer announced it in TLS (close_notify), else an
// [io.ErrUnexpectedEOF]. In handler style the connection fails if the peer
// renegotiates (TLS 1.2), whatever cfg says.
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

// upgradeInStream starts a goroutine for a requested handshake, if the
// connection is in stream style: it then has no engine to make it. The lock is
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

// carryOutUpgrade makes the requested handshake. It reports whether it
// succeeded; if not, the connection has ended.
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
	c.extra().tls.Store(l) // nothing plain is sent between the two
	c.extra().upgrade = nil
	c.readingBegins()
	// the handshake ignored it; fails only on a closed connection
	c.boundReads()
	c.wakeLocked() // for an engine that has waited for it
	c.mu.Unlock()
	if up.asked {
		up.promise.Resolve(l.ConnectionState())
	}
	return true
}

// handshake starts TLS on the connection. The connection's end ends it.
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

// errHandshake is the cause of the condition of a handshake that took too long.
var errHandshake error = handshakeError{}

type handshakeError struct{}

func (handshakeError) Error() string   { return "TLS handshake timeout" }
func (handshakeError) Timeout() bool   { return true }
func (handshakeError) Temporary() bool { return false }

// tlsLayer is TLS between a connection and its transport. It encrypts into the
// connection's queue, so that no write of package tls blocks or stops half-way.
// It decrypts the data that pump feeds it, so that a waiting connection holds
// no buffer.
type tlsLayer struct {
	*tls.Conn
	conn *Conn
	wmu  sync.Mutex // held by a send; locked before the connection's lock
	fed  []byte     // read, and not taken by package tls yet
	// nil: Read reads from the transport when fed is empty
	feeding atomic.Pointer[tlsFeeder]
	shaking *upgrade // the handshake in progress
}

// tlsFeeder identifies the function that feeds a tlsLayer.
type tlsFeeder struct{ _ byte }

// layer returns the connection's TLS, nil without TLS.
func (c *Conn) layer() *tlsLayer {
	if x := c.x.Load(); x != nil {
		return x.tls.Load()
	}
	return nil
}

// tlsInner is the net.Conn that package tls reads from and writes to.
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
			} else if i.conn.woken(err) { // it must not end the handshake
				continue
			}
		}
		if isEOF(err) {
			err = errTruncated
		}
		return n, err
	}
}

// Write queues p. It does not wait: the sender waited before, or was admitted.
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

// errTruncated means that the stream ended without a close_notify: an attacker
// may have cut it short. Package tls would take a bare io.EOF between two
// records for a clean end.
var errTruncated = fmt.Errorf("the TLS connection ended without a close_notify: %w", io.ErrUnexpectedEOF)

// errRenegotiation is the end of a connection whose peer renegotiates while data
// is fed: the handshake would have to wait for the peer.
var errRenegotiation = errors.New("TLS renegotiation needs a connection in stream style")

// errDry makes package tls wait for more data. It is temporary, so that package
// tls does not treat it as the end of the stream.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "nothing to read yet" }
func (dryError) Timeout() bool   { return false }
func (dryError) Temporary() bool { return true }

// pump is transport.pump for decrypted data.
func (l *tlsLayer) pump(deliver func([]byte) bool, idle func() bool) error {
	return l.through(deliver, func(decrypt func([]byte) bool) (bool, error) {
		return false, l.conn.transport().pump(decrypt, idle)
	})
}

// poll is transport.poll for decrypted data.
func (l *tlsLayer) poll(deliver func([]byte) bool) (dry bool, err error) {
	err = l.through(deliver, func(decrypt func([]byte) bool) (bool, error) {
		var err error
		dry, err = l.conn.transport().poll(decrypt)
		return dry, err
	})
	return dry, err
}

// through makes read feed the TLS layer, after decrypting what it has already
// read. If the connection is hijacked meanwhile, what is fed belongs to the
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

// keepFed leaves what is fed to the next reader: a callback of the feeder has
// hijacked the connection.
func (l *tlsLayer) keepFed() {
	l.fed = bytes.Clone(l.fed)
	l.feeding.Store(nil)
}

// decryptAll delivers everything that can be decrypted now.
func (l *tlsLayer) decryptAll(deliver func([]byte) bool) (more bool, err error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	for {
		n, err := l.Read(buf[:])
		if n > 0 && !deliver(buf[:n]) {
			return false, nil
		}
		if errors.Is(err, errDry) {
			if l.Handshake() != nil { // package tls keeps the error of a renegotiation
				return false, errRenegotiation
			}
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

// maxRecord is the most plaintext in one TLS record.
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
