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
// HandOver). The caller must close it. Closing it does not close the listener,
// and closing the listener does not close the socket while the other process
// has it. The file of a unix socket is then no longer removed when the listener
// closes, because the other process uses it. The error is an *aio.ConnError; if
// the listener is not a system socket, or on Windows, it is an
// errors.ErrUnsupported.
func (l *Listener) File() (*os.File, error) { return l.listening.dup() }

// File is like Listener.File. It fails before Start.
func (s *Server) File() (*os.File, error) {
	if s.listening.ln == nil {
		return nil, errors.New("tcp: the server was not started")
	}
	return s.listening.dup()
}

// dup returns a duplicate of the socket, which the listener then shares.
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
