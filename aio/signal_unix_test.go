//go:build unix

package aio_test

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
)

// The first signal is an Exit, the second a Cancel. Signals come from outside
// of any bubble.
func TestSignals(t *testing.T) {
	l := &aio.Loop{Logger: quiet, Signals: []os.Signal{syscall.SIGUSR1}, Grace: time.Hour}
	kill := func() { syscall.Kill(syscall.Getpid(), syscall.SIGUSR1) }
	err := l.Run(context.Background(), func(ctx context.Context) error {
		kill()
		<-aio.Draining(ctx)
		if ctx.Err() != nil {
			t.Error("cancelled by the first signal")
		}
		kill()
		return untilDead(ctx)
	})
	wantErr(t, "Run", err, nil)
	eq[os.Signal](t, "Signal", l.Signal(), syscall.SIGUSR1)

	l = &aio.Loop{Logger: quiet, Signals: []os.Signal{syscall.SIGUSR1}, Grace: time.Hour}
	err = l.Run(context.Background(), func(ctx context.Context) error {
		l.Exit(nil)
		<-aio.Draining(ctx)
		eq[os.Signal](t, "Signal after Exit", l.Signal(), nil)
		for ctx.Err() == nil { // signals that come too fast are one
			kill()
			runtime.Gosched()
		}
		return nil
	})
	wantErr(t, "Run after Exit", err, nil)
	eq[os.Signal](t, "Signal", l.Signal(), syscall.SIGUSR1)
}

// During DrainDelay the second signal drains, and the third is the Cancel.
func TestSignalsLeaving(t *testing.T) {
	l := &aio.Loop{Logger: quiet, Signals: []os.Signal{syscall.SIGUSR1}, Grace: time.Hour, DrainDelay: time.Hour}
	kill := func() { syscall.Kill(syscall.Getpid(), syscall.SIGUSR1) }
	err := l.Run(context.Background(), func(ctx context.Context) error {
		kill()
		<-aio.Leaving(ctx)
		eq(t, "phase", l.Stats().Phase, "leaving")
		kill()
		<-aio.Draining(ctx)
		if ctx.Err() != nil {
			t.Error("cancelled by the second signal")
		}
		kill()
		return untilDead(ctx)
	})
	wantErr(t, "Run", err, nil)
	eq[os.Signal](t, "Signal", l.Signal(), syscall.SIGUSR1)
}
