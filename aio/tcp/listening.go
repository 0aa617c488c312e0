package tcp

import (
	"context"
	"net"
	"os"
	"sync"

	"goaio.example/aio"
)

// listening is a listener that stops accepting in one of two ways: at once, or
// after taking the connections in the kernel's queue, which are then served.
type listening struct {
	ln net.Listener
	// accepts bare connections; nil if they are package net's
	bare    *bareListener
	share   portShare
	file    socketFile
	stopped context.Context // ends when accepting stops
	cancel  context.CancelFunc
	once    sync.Once
	taken   chan struct{} // closed when queued is complete and ln closed

	mu sync.Mutex
	// queued in the kernel when accepting stopped, and not accepted yet
	queued []net.Conn
}

// init sets the listener, which shares its port with others if shares is set.
func (l *listening) init(ln net.Listener, shares bool) {
	l.ln = ln
	l.share.is.Store(shares)
	l.file = socketFileOf(ln)
	l.stopped, l.cancel = context.WithCancel(context.Background())
	l.taken = make(chan struct{})
}

// stop closes the listener, after taking the connections that the kernel has
// queued if serve is set. It reports false if the listener was stopped before.
func (l *listening) stop(serve bool) (first bool) {
	l.once.Do(func() {
		first = true
		l.cancel() // first: later errors of accepting are ignored
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

// leave makes the listener accept the connections on their way to it, and then
// calls stop.
func (l *listening) leave(op *aio.Op, stop func()) {
	if !l.share.leave(op, l.ln, l.stopped.Done(), stop) {
		stop()
	}
}

// next waits until accepting has stopped. It returns a connection that was
// queued then, nil if none is left.
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

// refuse closes queued connections that are not accepted.
func (l *listening) refuse() {
	for nc := l.next(); nc != nil; nc = l.next() {
		nc.Close()
	}
}

// empty reports whether all queued connections are accepted.
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
// that has been replaced by a newer listener's.
func (f socketFile) leaveOther(ln net.Listener) {
	u, ok := ln.(*net.UnixListener)
	if !ok || f.info == nil {
		return
	}
	if now, err := os.Lstat(f.path); err != nil || !os.SameFile(now, f.info) {
		u.SetUnlinkOnClose(false)
	}
}
