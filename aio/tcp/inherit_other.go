//go:build !unix

package tcp

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// inherits reports whether processes inherit sockets from the one that started
// them.
const inherits = false

func inheritListener(int) (net.Listener, error) { return nil, errors.ErrUnsupported }

func duplicate(syscall.Conn) (*os.File, error) { return nil, errors.ErrUnsupported }

func inheritPipe(int) (*os.File, error) { return nil, errors.ErrUnsupported }

func isBrokenPipe(error) bool { return false }
