package tcp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
)

// heritage holds the listeners that the process has inherited, until
// StartInherited has taken each of them.
type heritage struct {
	mu     sync.Mutex
	begun  bool // Inherit was called, with the results below
	err    error
	in     *Inherited // nil if nothing is inherited
	untold int        // servers still to start before telling the predecessor
}

// inheritance is the heritage of the process.
var inheritance heritage

// StartInherited starts the server on a listener that the process has
// inherited, as Inherit describes, or as Start on addr if there is none. It
// then tells a predecessor, which waits in HandOver, that this process serves.
// With it a program can be started by hand, by systemd, and by its predecessor.
//
// Several servers of a process, including those of package httpx, call it one
// after the other. Each takes a listener that no other has taken: the one whose
// address is addr, else the first. So start the servers in the order in which
// HandOver is given them, and before those that are new. The predecessor is
// told when each inherited listener has a started server. It is not told if one
// of them cannot be started, or is left over: HandOver then fails, and the
// predecessor continues.
//
// An addr with a host name equals no address. A process that chooses listeners
// by name, or tells the predecessor at another moment, calls Inherit instead:
// it must not call both. The errors are those of Start and of Inherit, except
// ErrNotInherited. After an error the listener is closed.
func (s *Server) StartInherited(ctx context.Context, addr string) error {
	ln, err := inheritance.take(addr)
	switch {
	case err != nil:
		return err
	case ln == nil:
		err = s.Start(ctx, addr)
	default:
		err = s.StartOn(ctx, ln)
	}
	if err != nil {
		return err
	}
	if err := inheritance.started(ln != nil); err != nil {
		s.Close()
		return err
	}
	return nil
}

// take takes the listener for a server on addr, nil if there is none left.
func (h *heritage) take(addr string) (net.Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun {
		h.begun = true
		h.inherit()
	}
	if h.err != nil || h.in == nil || len(h.in.Listeners) == 0 {
		return nil, h.err
	}
	lns := h.in.Listeners
	i := max(0, slices.IndexFunc(lns, func(ln net.Listener) bool { return isAddr(ln.Addr(), addr) }))
	ln := lns[i]
	h.in.Listeners = slices.Delete(lns, i, i+1)
	return ln, nil
}

// inherit calls Inherit.
func (h *heritage) inherit() {
	h.in, h.err = Inherit()
	if errors.Is(h.err, ErrNotInherited) {
		h.err = nil
	}
	if h.in != nil {
		h.untold = len(h.in.Listeners)
	}
}

// started notes that a server was started, on an inherited listener or not, and
// tells the predecessor if no listener is left without a server.
func (h *heritage) started(inherited bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if inherited {
		h.untold--
	}
	if h.untold > 0 {
		return nil
	}
	return h.in.Ready()
}

// isAddr reports whether a listener's address is what Start would listen on for
// addr.
func isAddr(a net.Addr, addr string) bool {
	network, rest := splitNetwork(addr)
	t, ok := a.(*net.TCPAddr)
	if !ok || network == "unix" {
		return network == a.Network() && rest == a.String()
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil || port != strconv.Itoa(t.Port) {
		return false
	}
	ip := t.AddrPort().Addr().Unmap()
	if host == "" {
		return ip.IsUnspecified()
	}
	want, err := netip.ParseAddr(host)
	return err == nil && (want.Unmap() == ip || want.IsUnspecified() && ip.IsUnspecified())
}
