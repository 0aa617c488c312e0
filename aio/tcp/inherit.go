package tcp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// Inherited holds the listeners that the process was started with, by the
// protocol of socket activation of sd_listen_fds(3): from systemd, another
// program that speaks it, or a predecessor that called HandOver.
type Inherited struct {
	// Listeners are in the order of their descriptors. Close those that are
	// not used.
	Listeners []net.Listener
	// Names has the names of the Listeners, from LISTEN_FDNAMES, or "unknown"
	// without it.
	Names []string

	ready *os.File // reports to a predecessor; nil without one
}

// ErrNotInherited is the error of Inherit in a process that was started without
// listeners.
var ErrNotInherited = errors.New("tcp: the process was started without listeners")

// readyVar holds the descriptor of the pipe through which a successor reports
// that it is ready. It also takes the place of LISTEN_PID, which is unknown
// before the process exists.
const readyVar = "GOAIO_READY_FD"

// Inherit takes over the listeners that the process was started with, for
// Server.StartOn or NewListener. It removes the variables LISTEN_PID,
// LISTEN_FDS, LISTEN_FDNAMES and GOAIO_READY_FD from the environment and marks
// the descriptors close-on-exec, so that children of the process do not use
// them: call it before starting any. The error is ErrNotInherited if there are
// no listeners, they are for another process, or Inherit was called before; on
// systems without it (Windows), it is also an errors.ErrUnsupported. Another
// error says which descriptor is not a listening socket.
func Inherit() (*Inherited, error) {
	if !inherits {
		return nil, fmt.Errorf("%w: %w", ErrNotInherited, errors.ErrUnsupported)
	}
	env := map[string]string{}
	for _, name := range []string{"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", readyVar} {
		env[name] = os.Getenv(name)
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if env["LISTEN_FDS"] == "" || env[readyVar] == "" && env["LISTEN_PID"] != strconv.Itoa(os.Getpid()) {
		return nil, ErrNotInherited
	}
	n, err := strconv.Atoi(env["LISTEN_FDS"])
	if err != nil || n < 0 {
		return nil, fmt.Errorf("tcp: LISTEN_FDS=%q is not a number of descriptors", env["LISTEN_FDS"])
	}
	in := new(Inherited)
	if err := in.takeAll(n, env["LISTEN_FDNAMES"], env[readyVar]); err != nil {
		for _, ln := range in.Listeners {
			ln.Close()
		}
		return nil, err
	}
	return in, nil
}

// takeAll takes over the n listeners, their names and the pipe.
func (in *Inherited) takeAll(n int, names, ready string) error {
	const first = 3 // SD_LISTEN_FDS_START
	for fd := first; fd < first+n; fd++ {
		ln, err := inheritListener(fd)
		if err != nil {
			return fmt.Errorf("tcp: inherited descriptor %d of LISTEN_FDS=%d: %w", fd, n, err)
		}
		in.Listeners = append(in.Listeners, ln)
		in.Names = append(in.Names, "unknown")
	}
	if names != "" {
		in.Names = strings.Split(names, ":")
	}
	if len(in.Names) != n {
		return fmt.Errorf("tcp: LISTEN_FDNAMES=%q does not have the %d names of LISTEN_FDS", names, n)
	}
	if ready == "" {
		return nil
	}
	fd, err := strconv.Atoi(ready)
	if err == nil {
		in.ready, err = inheritPipe(fd)
	}
	if err != nil {
		return fmt.Errorf("tcp: %s=%q: %w", readyVar, ready, err)
	}
	return nil
}

// Listener returns the first listener of that name, nil if there is none, or in
// is nil.
func (in *Inherited) Listener(name string) net.Listener {
	if in != nil {
		for i, ln := range in.Listeners {
			if in.Names[i] == name {
				return ln
			}
		}
	}
	return nil
}

// Ready tells the predecessor, which waits in HandOver, that this process
// serves. It does nothing without a predecessor, if the predecessor has gone,
// on a nil Inherited, and when called again.
func (in *Inherited) Ready() error {
	if in == nil || in.ready == nil {
		return nil
	}
	f := in.ready
	in.ready = nil
	defer f.Close()
	if _, err := f.Write([]byte{'\n'}); err != nil && !isBrokenPipe(err) {
		return fmt.Errorf("tcp: telling the predecessor: %w", err)
	}
	return nil
}
