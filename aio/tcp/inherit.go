package tcp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// Inherited is what the process was started with: listeners by the protocol of
// socket activation of sd_listen_fds(3), from systemd, from whatever else
// speaks it, or from a predecessor that called HandOver.
type Inherited struct {
	Listeners []net.Listener // in the order of their descriptors; close those that are not used
	Names     []string       // of the Listeners, one each, from LISTEN_FDNAMES: "unknown" without that

	ready *os.File // tells a predecessor; nil without one
}

// ErrNotInherited is the error of Inherit in a process that was started without
// listeners.
var ErrNotInherited = errors.New("tcp: the process was started without listeners")

// readyVar holds the descriptor of the pipe by which a successor says that it
// is ready. It also stands for LISTEN_PID, which is unknown before the process
// exists.
const readyVar = "GOAIO_READY_FD"

// Inherit takes over what the process was started with: for Server.StartOn,
// say, or NewListener. It removes the variables LISTEN_PID, LISTEN_FDS,
// LISTEN_FDNAMES and GOAIO_READY_FD from the environment and marks the
// descriptors close-on-exec, so that children of the process do not take them
// for theirs: call it before starting any. The error is ErrNotInherited if
// there is nothing, or it is for another process; if there was something
// before, and Inherit was called already; and on systems without it (Windows),
// where it is an errors.ErrUnsupported too. Another error says which descriptor
// is no listening socket.
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
		return nil, fmt.Errorf("tcp: LISTEN_FDS=%q is no number of descriptors", env["LISTEN_FDS"])
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

// takeAll takes the n listeners, their names and the pipe over.
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
		return fmt.Errorf("tcp: LISTEN_FDNAMES=%q has not the %d names of LISTEN_FDS", names, n)
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
// serves. Without a predecessor, with one that has gone, on a nil Inherited,
// and when called again, it does nothing.
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
