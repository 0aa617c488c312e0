//go:build unix

package tcp_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A listener that closes removes the file of its unix socket, but not a newer
// listener's that has taken its place.
func TestUnixFileOfOther(t *testing.T) {
	type closer interface{ Close() error }
	serve := func(s *tcp.Server, err error) (closer, error) { return serverCloser{s}, err }
	kinds := map[string]func(ctx context.Context, path string) (closer, error){
		"Start": func(ctx context.Context, path string) (closer, error) {
			s := &tcp.Server{Handler: echo}
			return serve(s, s.Start(ctx, "unix:"+path))
		},
		"StartOn": func(ctx context.Context, path string) (closer, error) {
			ln, err := net.Listen("unix", path)
			if err != nil {
				return nil, err
			}
			s := &tcp.Server{Handler: echo}
			return serve(s, s.StartOn(ctx, ln))
		},
		"Listen": func(ctx context.Context, path string) (closer, error) { return tcp.Listen(ctx, "unix:"+path) },
		"NewListener": func(ctx context.Context, path string) (closer, error) {
			ln, err := net.Listen("unix", path)
			if err != nil {
				return nil, err
			}
			return tcp.NewListener(ctx, ln)
		},
	}
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				path := filepath.Join(t.TempDir(), "s")
				older, err := open(ctx, path)
				if err != nil {
					return err
				}
				// As a program does that is about to replace another one.
				if err := os.Rename(path, path+".old"); err != nil {
					return err
				}
				newer, err := open(ctx, path)
				if err != nil {
					return err
				}
				older.Close()
				c, err := net.Dial("unix", path)
				if err != nil {
					t.Fatal("the newer listener's file is gone: ", err)
				}
				c.Close()
				newer.Close()
				if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the newer listener's own file is there: %v", err)
				}
				aio.LoopOf(ctx).Exit(nil)
				return nil
			})
		})
	}
}

// serverCloser closes a server and waits for that.
type serverCloser struct{ *tcp.Server }

func (s serverCloser) Close() error {
	s.Server.Close()
	<-s.Future().Done()
	return nil
}
