package aio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// in returns a future that has v, or err, after d.
func in(ctx context.Context, d time.Duration, v int, err error) *aio.Future[int] {
	return aio.Go(ctx, fmt.Sprint(v), func(ctx context.Context) (int, error) {
		if dead := sleep(ctx, d); dead != nil {
			return 0, dead
		}
		return v, err
	})
}

func TestCombine(t *testing.T) {
	errA, errB := errors.New("a"), errors.New("b")
	type future = *aio.Future[int]
	const s = time.Second
	all := func(ctx context.Context, fs ...future) (any, error) { return aio.All(ctx, fs...).Await(ctx) }
	settle := func(ctx context.Context, fs ...future) (any, error) {
		rs, err := aio.Settle(ctx, fs...).Await(ctx)
		return fmt.Sprint(rs), err
	}
	race := func(ctx context.Context, fs ...future) (any, error) { return aio.Race(ctx, fs...).Await(ctx) }
	some := func(ctx context.Context, fs ...future) (any, error) { return aio.Any(ctx, fs...).Await(ctx) }
	wait := func(ctx context.Context, fs ...future) (any, error) {
		var as []aio.Awaitable
		for _, f := range fs {
			as = append(as, f)
		}
		return 0, aio.Wait(ctx, as...)
	}
	for _, c := range []struct {
		name   string
		join   func(ctx context.Context, fs ...future) (any, error)
		inputs func(ctx context.Context) []future
		want   string
		errs   []error
		took   time.Duration
		left   time.Duration // how long what is left then takes
	}{
		{"All", all, func(ctx context.Context) []future { return []future{in(ctx, 2*s, 1, nil), in(ctx, s, 2, nil)} }, "[1 2]", nil, 2 * s, 0},
		{"All of none", all, func(context.Context) []future { return nil }, "[]", nil, 0, 0},
		{"All, resolved", all, func(context.Context) []future { return []future{aio.Resolved(1), aio.Resolved(2)} }, "[1 2]", nil, 0, 0},
		{"All, twice the same", all, func(ctx context.Context) []future { f := in(ctx, s, 1, nil); return []future{f, f} }, "[1 1]", nil, s, 0},
		{"All, one fails", all, func(ctx context.Context) []future { return []future{in(ctx, 3*s, 1, nil), in(ctx, s, 2, errA)} }, "[]", []error{errA}, s, 2 * s},
		{"All, failed already", all, func(context.Context) []future { return []future{aio.Resolved(1), aio.Failed[int](errA)} }, "[]", []error{errA}, 0, 0},
		{"Settle", settle, func(ctx context.Context) []future { return []future{in(ctx, 2*s, 1, nil), in(ctx, s, 2, errA)} }, "[{1 <nil>} {2 a}]", nil, 2 * s, 0},
		{"Settle of none", settle, func(context.Context) []future { return nil }, "[]", nil, 0, 0},
		{"Race", race, func(ctx context.Context) []future { return []future{in(ctx, 2*s, 1, nil), in(ctx, s, 2, nil)} }, "2", nil, s, 0},
		{"Race, an error first", race, func(ctx context.Context) []future { return []future{in(ctx, 2*s, 1, nil), in(ctx, s, 2, errA)} }, "0", []error{errA}, s, 0},
		{"Race, resolved", race, func(ctx context.Context) []future { return []future{in(ctx, s, 1, nil), aio.Resolved(2)} }, "2", nil, 0, 0},
		{"Race, twice the same", race, func(ctx context.Context) []future { f := in(ctx, s, 1, nil); return []future{f, f} }, "1", nil, s, 0},
		{"Any", some, func(ctx context.Context) []future {
			return []future{in(ctx, 3*s, 1, nil), in(ctx, s, 2, errA), in(ctx, 2*s, 3, nil)}
		}, "3", nil, 2 * s, 0},
		{"Any, all fail", some, func(ctx context.Context) []future { return []future{in(ctx, 2*s, 1, errA), in(ctx, s, 2, errB)} }, "0", []error{errA, errB}, 2 * s, 0},
		{"Any, twice the same", some, func(ctx context.Context) []future { f := in(ctx, s, 1, errA); return []future{f, f} }, "0", []error{errA}, s, 0},
		{"Wait", wait, func(ctx context.Context) []future { return []future{in(ctx, 2*s, 1, nil), in(ctx, s, 2, nil)} }, "0", nil, 2 * s, 0},
		{"Wait of none", wait, func(context.Context) []future { return nil }, "0", nil, 0, 0},
		{"Wait, one fails", wait, func(ctx context.Context) []future { return []future{in(ctx, 3*s, 1, nil), in(ctx, s, 2, errA)} }, "0", []error{errA}, s, 2 * s},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rec recorder
			took := must(t, rec.loop(), func(ctx context.Context) {
				start := time.Now()
				v, err := c.join(ctx, c.inputs(ctx)...)
				eq(t, "value", fmt.Sprint(v), c.want)
				if (err == nil) != (len(c.errs) == 0) {
					t.Errorf("error: %v, want %v", err, c.errs)
				}
				for _, e := range c.errs {
					wantErr(t, "error", err, e)
				}
				eq(t, "took", time.Since(start), c.took)
			})
			eq(t, "took in all", took, c.took+c.left)
			rec.want(t) // inputs count as looked at
		})
	}
}

// A nil future panics before anything begins: a loop whose program recovers
// ends.
func TestNilFuture(t *testing.T) {
	for name, combine := range map[string]func(ctx context.Context, f, none *aio.Future[int]){
		"All":     func(ctx context.Context, f, none *aio.Future[int]) { aio.All(ctx, f, none) },
		"Any":     func(ctx context.Context, f, none *aio.Future[int]) { aio.Any(ctx, f, none) },
		"Race":    func(ctx context.Context, f, none *aio.Future[int]) { aio.Race(ctx, f, none) },
		"Settle":  func(ctx context.Context, f, none *aio.Future[int]) { aio.Settle(ctx, f, none) },
		"Timeout": func(ctx context.Context, _, none *aio.Future[int]) { aio.Timeout(ctx, none, time.Second) },
		"Then": func(ctx context.Context, _, none *aio.Future[int]) {
			aio.Then(ctx, none, func(context.Context, int) (int, error) { return 0, nil })
		},
		"Map": func(ctx context.Context, _, none *aio.Future[int]) {
			aio.Map(ctx, none, func(int) (int, error) { return 0, nil })
		},
		"Catch": func(ctx context.Context, _, none *aio.Future[int]) {
			aio.Catch(ctx, none, func(context.Context, error) (int, error) { return 0, nil })
		},
		"AsCompleted": func(ctx context.Context, f, none *aio.Future[int]) {
			for range aio.AsCompleted(ctx, f, none) {
				return
			}
		},
		"Wait": func(ctx context.Context, f, none *aio.Future[int]) { aio.Wait(ctx, f, none) },
	} {
		t.Run(name, func(t *testing.T) {
			took := must(t, nil, func(ctx context.Context) {
				f := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 0, sleep(ctx, time.Second) })
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				combine(ctx, f, nil)
			})
			eq(t, "took", took, time.Second)
		})
	}
}

func TestChooseFromNone(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		for name, err := range map[string]error{"Race": result(aio.Race[int](ctx)), "Any": result(aio.Any[int](ctx))} {
			if err == nil || err == aio.ErrPending {
				t.Errorf("%s of no futures: %v", name, err)
			}
		}
	})
}

// Cancelling a combination: Race and Any take their inputs along, the others
// leave them alone.
func TestCombineCancelled(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(ctx context.Context, f *aio.Future[int]) interface{ Cancel(error) }
		takes bool
	}{
		{"All", func(ctx context.Context, f *aio.Future[int]) interface{ Cancel(error) } { return aio.All(ctx, f) }, false},
		{"Settle", func(ctx context.Context, f *aio.Future[int]) interface{ Cancel(error) } { return aio.Settle(ctx, f) }, false},
		{"Race", func(ctx context.Context, f *aio.Future[int]) interface{ Cancel(error) } { return aio.Race(ctx, f) }, true},
		{"Any", func(ctx context.Context, f *aio.Future[int]) interface{ Cancel(error) } { return aio.Any(ctx, f) }, true},
		{"Then", func(ctx context.Context, f *aio.Future[int]) interface{ Cancel(error) } {
			return aio.Map(ctx, f, func(v int) (int, error) { t.Error("ran"); return v, nil })
		}, false},
		{"Timeout", func(ctx context.Context, f *aio.Future[int]) interface{ Cancel(error) } {
			return aio.Timeout(ctx, f, time.Hour)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rec recorder
			took := must(t, rec.loop(), func(ctx context.Context) {
				f := in(ctx, time.Second, 1, nil)
				j := c.start(ctx, f)
				synctest.Wait()
				j.Cancel(errStop)
				synctest.Wait()
				err := result(f)
				if c.takes {
					wantErr(t, "input", err, aio.ErrStopped)
				} else {
					wantErr(t, "input", err, aio.ErrPending)
				}
				if a, ok := j.(aio.Awaitable); ok {
					select {
					case <-a.Done():
					default:
						t.Error("not resolved")
					}
				}
			})
			if want := time.Second; c.takes == (took == want) {
				t.Errorf("took %v", took)
			}
			rec.want(t)
		})
	}
}

// Futures of one loop joined by another: neither holds up the other.
func TestCombineAcrossLoops(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		f := in(ctx, time.Second, 1, nil)
		err := run(nil, func(inner context.Context) error {
			g := in(inner, 2*time.Second, 2, nil)
			v, err := aio.All(inner, f, g, aio.Resolved(3)).Await(inner)
			eq(t, "All", fmt.Sprint(v, err), "[1 2 3] <nil>")
			w, err := aio.Race(ctx, in(inner, time.Hour, 4, nil), in(ctx, time.Second, 5, nil)).Await(inner)
			eq(t, "Race", fmt.Sprint(w, err), "5 <nil>")
			// outlives neither loop
			aio.Timeout(inner, in(ctx, time.Second, 6, nil), time.Hour)
			return nil
		})
		wantErr(t, "inner Run", err, nil)
	})
}
