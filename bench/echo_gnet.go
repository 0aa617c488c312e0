package main

import (
	"context"
	"net/netip"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"golang.org/x/sys/unix"
)

func init() { roles["echo gnet"] = gnetEcho }

// gnetServer echoes on gnet's event loops, one for each core.
type gnetServer struct {
	gnet.BuiltinEventEngine
	booted chan gnet.Engine
}

func (s *gnetServer) OnBoot(e gnet.Engine) gnet.Action {
	s.booted <- e
	return gnet.None
}

func (s *gnetServer) OnTraffic(c gnet.Conn) gnet.Action {
	data, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	obey(data)
	if _, err := c.Write(data); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func gnetEcho(c *control) error {
	s := &gnetServer{booted: make(chan gnet.Engine, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- gnet.Run(s, "tcp4://127.0.0.1:0", gnet.WithMulticore(true), gnet.WithLogLevel(logging.FatalLevel))
	}()
	var engine gnet.Engine
	select {
	case err := <-ended:
		return err
	case engine = <-s.booted:
	}
	addr, err := gnetAddr(engine)
	if err != nil {
		return err
	}
	c.ready(addr)
	if err := c.serve(nil); err != nil {
		return err
	}
	if err := engine.Stop(context.Background()); err != nil {
		return err
	}
	return <-ended
}

// gnetAddr returns the address that gnet listens on.
func gnetAddr(e gnet.Engine) (string, error) {
	fd, err := e.Dup()
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "", err
	}
	in := sa.(*unix.SockaddrInet4)
	return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)).String(), nil
}
