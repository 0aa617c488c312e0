package goaio_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// An operation that a package below aio starts for a program is told to be
// started by the program, also where the package's function is inlined there.
func TestSiteOfInlinedCall(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer ln.Close()
	loop := &aio.Loop{Sites: true}
	err = loop.Run(t.Context(), func(ctx context.Context) error {
		c, err := new(tcp.Dialer).Dial(ctx, ln.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		seen := false
		for op := range loop.Ops() {
			seen = seen || op.Kind.String() == "tcp.conn.out"
			if file, _, _ := strings.Cut(filepath.Base(op.Site), ":"); op.Kind.String() == "tcp.conn.out" && file != "site_test.go" {
				t.Errorf("the site of a connection that this test dials is %q", op.Site)
			}
		}
		if !seen {
			t.Error("the connection is not listed")
		}
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}
