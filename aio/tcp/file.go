package tcp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"goaio.example/aio"
)

// File returns a duplicate of the listening socket, for another process (see HandOver). The caller closes it; that does not
// close the listener, nor does the listener's end close the socket as long as the other process has it. A unix socket's
// file is not removed any more when the listener closes: it is the other's too. The error is an *aio.ConnError; if
// the listener is no socket of the system's, or on Windows, an errors.ErrUnsupported.
func (l *Listener) File() (*os.File, error) { return fileOf(l.ln, &l.share) }

// File is as Listener.File. It fails before Start.
func (s *Server) File() (*os.File, error) {
	if s.ln == nil {
		return nil, errors.New("tcp: the server was not started")
	}
	return fileOf(s.ln, &s.share)
}

// fileOf returns a duplicate of ln's socket, which is not ln's alone then.
func fileOf(ln net.Listener, share *portShare) (*os.File, error) {
	sc, ok := ln.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("tcp: a %T has no file: %w", ln, errors.ErrUnsupported)
	}
	f, err := duplicate(sc)
	if err != nil {
		return nil, aio.NewConnError("file", ln.Addr().Network(), ln.Addr().String(), -1, err)
	}
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	share.is.Store(false)
	return f, nil
}
