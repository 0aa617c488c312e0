package mongo_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// unanswered answers as a bank that says nothing to a commit or an abort.
func unanswered() func(c *call) bson.D {
	b := new(bank)
	return func(c *call) bson.D {
		if c.name == "commitTransaction" || c.name == "abortTransaction" {
			return nil
		}
		return b.answer(c)
	}
}

// A transaction that is cancelled ends soon, also where nothing answers.
func TestTransactionCancelled(t *testing.T) {
	for _, how := range []string{"silence", "no server"} {
		var rec aiotest.Recorder
		inFake(t, &aio.Loop{OnEvent: rec.OnEvent}, unanswered(), func(ctx context.Context, t *testing.T, f *fake) error {
			c := f.client()
			things := c.Database("test").Collection("things")
			f1 := c.Transaction(ctx, how, func(ctx context.Context) error {
				if err := insert(ctx, things, 1); err != nil {
					return err
				}
				<-ctx.Done()
				return context.Cause(ctx)
			})
			time.Sleep(time.Second)
			if how == "no server" {
				f.stop()
				synctest.Wait()
			}
			begun := time.Now()
			f1.Cancel(nil)
			wantErr(ctx, t, "a transaction that was cancelled", f1, context.Canceled)
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("%s: the transaction ended %v after it was cancelled, want 2s at most", how, took)
			}
			return nil
		})
	}
}

// An exit is not held up by a commit or an abort that nothing answers.
func TestTransactionExit(t *testing.T) {
	for _, how := range []string{"commit", "abort", "commit, no server", "abort, no server"} {
		synctest.Test(t, func(t *testing.T) {
			f := startFake(t, unanswered())
			var rec aiotest.Recorder
			l := &aio.Loop{OnEvent: rec.OnEvent, Grace: time.Second, Abandon: time.Second}
			begun := time.Now()
			err := l.Run(t.Context(), func(ctx context.Context) error {
				c := f.client()
				things := c.Database("test").Collection("things")
				c.Transaction(ctx, how, func(ctx context.Context) error {
					if err := insert(ctx, things, 1); err != nil || how[0] == 'c' {
						return err
					}
					<-ctx.Done()
					return context.Cause(ctx)
				})
				time.Sleep(time.Second)
				if how != "commit" && how != "abort" {
					f.stop()
				}
				aio.LoopOf(ctx).Exit(nil)
				return nil
			})
			if took := time.Since(begun); err != nil || took != 2*time.Second {
				t.Errorf("%s: Run returned %v after %v, want nil when Grace was over, after 2s", how, err, took)
			}
		})
	}
}
