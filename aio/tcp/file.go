package tcp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"goaio.example/aio"
)

// File returns a duplicate of the listening socket, for another process (see
// HandOver). The caller closes it; that does not close the listener, nor does
// the listener's end close the socket as long as the other process has it. A
// unix socket's file is not removed any more when the listener closes: it is
// the other's too. The error is an *aio.ConnError; if the listener is no socket
// of the system's, or on Windows, an errors.ErrUnsupported.
func (l *Listener) File() (*os.File, error) { return l.listening.dup() }

// File is as Listener.File. It fails before Start.
func (s *Server) File() (*os.File, error) {
	if s.listening.ln == nil {
		return nil, errors.New("tcp: the server was not started")
	}
	return s.listening.dup()
}

// dup returns a duplicate of the socket, which is not the listener's alone
// then.
func (l *listening) dup() (*os.File, error) {
	sc, ok := l.ln.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("tcp: a %T has no file: %w", l.ln, errors.ErrUnsupported)
	}
	f, err := duplicate(sc)
	if err != nil {
		return nil, aio.NewConnError("file", l.ln.Addr().Network(), l.ln.Addr().String(), -1, err)
	}
	if u, ok := l.ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	l.share.is.Store(false)
	return f, nil
}
