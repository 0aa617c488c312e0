package mongo

import (
	"context"
	"net"
)

// dialer makes the driver's connections.
type dialer struct{ l *link }

// DialContext is called by the driver, with a ctx of the driver's.
func (d dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	t := d.l.client.Dialer
	t.Background = true
	if network == "unix" {
		addr = "unix:" + addr
	}
	within, cancel := context.WithCancelCause(d.l.op.Context())
	defer cancel(nil) // does not touch a connection that is there
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer stop()
	c, err := t.Dial(within, addr).Await(context.WithoutCancel(within)) // it ends with within
	if err != nil {
		return nil, err // no typed nil
	}
	return c, nil
}
