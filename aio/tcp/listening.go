package tcp

import (
	"context"
	"net"
	"os"
	"sync"

	"goaio.example/aio"
)

// listening is a listener that stops accepting in one of two ways: at once, or
// after taking what is in the kernel's queue, which is served then.
type listening struct {
	ln      net.Listener
	bare    *bareListener // accepts bare connections; nil if they are of Go's
	share   portShare
	file    socketFile
	stopped context.Context // ends when accepting stops
	cancel  context.CancelFunc
	once    sync.Once
	taken   chan struct{} // closed when queued is complete and ln closed

	mu     sync.Mutex
	queued []net.Conn // what was in the kernel's queue when accepting stopped, and is not accepted yet
}

// init sets the listener, which shares its port with others if shares is set.
func (l *listening) init(ln net.Listener, shares bool) {
	l.ln = ln
	l.share.is.Store(shares)
	l.file = socketFileOf(ln)
	l.stopped, l.cancel = context.WithCancel(context.Background())
	l.taken = make(chan struct{})
}

// stop closes the listener, after taking what the kernel has queued if serve is
// set. It reports false if the listener was stopped before.
func (l *listening) stop(serve bool) (first bool) {
	l.once.Do(func() {
		first = true
		l.cancel() // first: errors of accepting mean nothing from now on
		if serve {
			queued := l.lastBacklog()
			l.mu.Lock()
			l.queued = queued
			l.mu.Unlock()
		}
		l.file.leaveOther(l.ln)
		l.ln.Close() // fails only if it is closed
		if l.bare != nil {
			l.bare.close()
		}
		close(l.taken)
	})
	return first
}

// leave has the listener accept what is on its way to it, and then calls stop,
// which stops it.
func (l *listening) leave(op *aio.Op, stop func()) {
	if !l.share.leave(op, l.ln, l.stopped.Done(), stop) {
		stop()
	}
}

// next waits until accepting has stopped, and accepts a connection of what was
// queued then, nil if there is none.
func (l *listening) next() net.Conn {
	<-l.taken
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queued) == 0 {
		return nil
	}
	nc := l.queued[0]
	l.queued = l.queued[1:]
	return nc
}

// refuse closes what was queued and is not accepted.
func (l *listening) refuse() {
	for nc := l.next(); nc != nil; nc = l.next() {
		nc.Close()
	}
}

// empty reports whether all that was queued is accepted.
func (l *listening) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queued) == 0
}

// socketFile is the file of a listening unix socket.
type socketFile struct {
	path string
	info os.FileInfo // nil without a file
}

// socketFileOf returns the file of a listener, if it has one.
func socketFileOf(ln net.Listener) socketFile {
	a, ok := ln.Addr().(*net.UnixAddr)
	if !ok || a.Name == "" || a.Name[0] == '@' {
		return socketFile{}
	}
	info, err := os.Lstat(a.Name)
	if err != nil {
		return socketFile{}
	}
	return socketFile{a.Name, info}
}

// leaveOther keeps ln, which is about to be closed, from removing its file, if
// that is another one meanwhile: a newer listener's.
func (f socketFile) leaveOther(ln net.Listener) {
	u, ok := ln.(*net.UnixListener)
	if !ok || f.info == nil {
		return
	}
	if now, err := os.Lstat(f.path); err != nil || !os.SameFile(now, f.info) {
		u.SetUnlinkOnClose(false)
	}
}
