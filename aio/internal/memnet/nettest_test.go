package memnet_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"goaio.example/aio/internal/memnet"
)

func TestNetConn(t *testing.T) {
	var n memnet.Network
	over := func(a, b net.Conn) (net.Conn, net.Conn, func(), error) {
		return a, b, func() { a.Close(); b.Close() }, nil
	}
	makers := map[string]nettest.MakePipe{
		"Pipe": func() (net.Conn, net.Conn, func(), error) { return over(memnet.Pipe()) },
		"Network": func() (net.Conn, net.Conn, func(), error) {
			l, err := n.Listen("")
			if err != nil {
				return nil, nil, nil, err
			}
			defer l.Close()
			c, err := n.Dial("tcp", l.Addr().String())
			if err != nil {
				return nil, nil, nil, err
			}
			s, err := l.Accept()
			if err != nil {
				return nil, nil, nil, err
			}
			return over(c, s)
		},
		"Faulty": func() (net.Conn, net.Conn, func(), error) {
			a, b := memnet.Pipe()
			p := memnet.Plan{MaxRead: 999, MaxWrite: 777, ReadDelay: time.Microsecond, WriteDelay: time.Microsecond}
			return over(memnet.Faulty(a, p), memnet.Faulty(b, p))
		},
	}
	for name, mk := range makers {
		t.Run(name, func(t *testing.T) { nettest.TestConn(t, mk) })
	}
}
