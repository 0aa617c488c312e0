package memnet

import (
	"errors"
	"net"
)

// A passThrough calls the methods that only some connections have.
type passThrough struct{ c net.Conn }

func (t passThrough) CloseWrite() error {
	if c, ok := t.c.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (t passThrough) CloseRead() error {
	if c, ok := t.c.(interface{ CloseRead() error }); ok {
		return c.CloseRead()
	}
	return errors.ErrUnsupported
}

func (t passThrough) SetLinger(sec int) error {
	if c, ok := t.c.(interface{ SetLinger(int) error }); ok {
		return c.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

func (t passThrough) Abort() error {
	if c, ok := t.c.(interface{ Abort() error }); ok {
		return c.Abort()
	}
	return errors.ErrUnsupported
}

func (t passThrough) ReadReady() error {
	if c, ok := t.c.(interface{ ReadReady() error }); ok {
		return c.ReadReady()
	}
	return errors.ErrUnsupported
}

func (t passThrough) WriteReady() error {
	if c, ok := t.c.(interface{ WriteReady() error }); ok {
		return c.WriteReady()
	}
	return errors.ErrUnsupported
}

func (t passThrough) TryWrite(p []byte) (int, error) {
	if c, ok := t.c.(interface{ TryWrite([]byte) (int, error) }); ok {
		return c.TryWrite(p)
	}
	return 0, errors.ErrUnsupported
}

func (t passThrough) PeerEnded() (bool, error) {
	if c, ok := t.c.(interface{ PeerEnded() (bool, error) }); ok {
		return c.PeerEnded()
	}
	return false, errors.ErrUnsupported
}

func (t passThrough) PeerReset() error {
	if c, ok := t.c.(interface{ PeerReset() error }); ok {
		return c.PeerReset()
	}
	return errors.ErrUnsupported
}
