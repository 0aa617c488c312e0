package tcp

import (
	"net"
	"strconv"
	"syscall"
)

// addrOf returns the net.Addr for an address of the kernel's, nil for a kind
// that is not used.
func addrOf(sa syscall.Sockaddr) net.Addr {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zoneName(sa.ZoneId)}
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return nil
}

// zoneName returns the name of an IPv6 zone, its interface, as package net
// does.
func zoneName(id uint32) string {
	if id == 0 {
		return ""
	}
	if ifi, err := net.InterfaceByIndex(int(id)); err == nil {
		return ifi.Name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// unnamed is the address of a unix socket's client without a name, which is the
// usual case.
var unnamed = &net.UnixAddr{Name: "@", Net: "unix"}

// setPeerAddr is setPeer for an address of package net's.
func (c *Conn) setPeerAddr(a net.Addr) {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		c.bare.ready = readyShort
	}
	if !ok || t.Zone != "" || t.IP.To16() == nil {
		c.extra().remote = a
		return
	}
	c.bare.family, c.bare.port = 6, uint16(t.Port)
	if t.IP.To4() != nil {
		c.bare.family = 4
	}
	copy(c.bare.peer[:], t.IP.To16())
}

// setPeer stores the peer's address. The connection is new.
func (c *Conn) setPeer(sa syscall.Sockaddr) {
	b := &c.bare
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		b.family, b.port = 4, uint16(sa.Port)
		b.peer = [16]byte{10: 0xff, 11: 0xff, 12: sa.Addr[0], 13: sa.Addr[1], 14: sa.Addr[2], 15: sa.Addr[3]}
	case *syscall.SockaddrInet6:
		b.family, b.peer, b.port = 6, sa.Addr, uint16(sa.Port)
		if sa.ZoneId != 0 {
			c.extra().remote = addrOf(sa)
		}
	case *syscall.SockaddrUnix:
		// reads end at each packet, and where descriptors were sent along
		b.ready = readyShort
		if sa.Name != unnamed.Name && sa.Name != "" {
			c.extra().remote = addrOf(sa)
		}
	}
}
