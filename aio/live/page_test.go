package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/live"
	"goaio.example/aio/timer"
)

// rows are the rows of a tree in short.
func rows(tree live.Tree) (out []string) {
	for _, r := range tree.Rows {
		s := strings.Repeat(" ", r.Depth) + r.Kind
		if r.Op != nil {
			s += " " + r.Op.Name
		} else {
			s += fmt.Sprintf(" x%d", r.Count)
		}
		if r.Open {
			s += fmt.Sprintf(" open, %d hidden", r.Hidden)
		}
		out = append(out, s)
	}
	return out
}

// run runs main in a loop in a bubble, and cancels what it leaves.
func run(t *testing.T, loop *aio.Loop, main func(ctx context.Context)) {
	t.Helper()
	loop.Logger = quiet
	synctest.Test(t, func(t *testing.T) {
		err := loop.Run(t.Context(), func(ctx context.Context) error {
			defer loop.Cancel(nil)
			main(ctx)
			return nil
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestTree(t *testing.T) {
	loop := new(aio.Loop)
	page := live.Handler(loop)
	run(t, loop, func(ctx context.Context) {
		if s := snapshot(t, page, ""); len(s.Tree.Rows) != 1 || s.Tree.Rows[0].Op.Name != "main" {
			t.Errorf("main alone is %q", rows(s.Tree))
		}
		for i := range 7 {
			aio.Spawn(ctx, fmt.Sprint("parent", i), func(ctx context.Context) error {
				timer.After(ctx, time.Hour)
				<-ctx.Done()
				return nil
			})
			time.Sleep(time.Second)
		}
		hold(ctx, 2, "few")
		synctest.Wait()
		s := snapshot(t, page, "")
		want := []string{"aio.main main", " aio.go few", " aio.go few", " aio.spawn x7", "  timer.after x7"}
		if got := rows(s.Tree); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if r := s.Tree.Rows[3]; r.Oldest != 7*time.Second || r.Key != "#1/aio.spawn" {
			t.Errorf("got %+v", r)
		}
		s = snapshot(t, page, "sort=new&open="+url.QueryEscape("#1/aio.spawn"))
		got := rows(s.Tree)
		if len(got) != 4+14 || got[3] != " aio.spawn x7 open, 0 hidden" || got[4] != "  aio.spawn parent6" || !strings.HasPrefix(got[5], "   timer.after ") {
			t.Errorf("opened: %q", got)
		}
		s = snapshot(t, page, "q=ARENT3")
		if got := rows(s.Tree); s.Tree.Matches != 1 || !slices.Equal(got, []string{"aio.spawn parent3"}) {
			t.Errorf("search: %q", got)
		}
		id := s.Tree.Rows[0].Op.ID
		s = snapshot(t, page, fmt.Sprintf("q=%%23%d&op=%d", id, id))
		if len(s.Tree.Rows) != 1 || s.Chosen == nil || s.Chosen.Name != "parent3" || s.Chosen.Age != 4*time.Second {
			t.Errorf("by ID: %q, %+v", rows(s.Tree), s.Chosen)
		}
		held := fmt.Sprint(s.Held)
		if held != "[{aio.main 1 7s} {aio.go 2 0s} {aio.spawn 7 7s}]" {
			t.Errorf("held open by %s", held)
		}
	})
}

// However many operations there are, and however they hang together, the rows
// are bounded, and said to be.
func TestTreeBounds(t *testing.T) {
	loop := new(aio.Loop)
	page := live.Handler(loop)
	run(t, loop, func(ctx context.Context) {
		hold(ctx, 3000, "wide")
		deep := ctx
		for range 300 {
			o, err := aio.Begin(deep, aio.NewKind("test.deep"), "deep")
			if err != nil {
				t.Fatalf("aio.Begin: %v", err)
			}
			defer o.End(nil)
			deep = o.Context()
		}
		for _, query := range []string{"", "open=%231/aio.go", "q=wide", "q=e&sort=name"} {
			s := snapshot(t, page, query)
			if n := len(s.Tree.Rows); n > 500 || n < 60 || !s.Tree.More {
				t.Errorf("%q: %d rows, more: %t", query, n, s.Tree.More)
			}
		}
		s := snapshot(t, page, "open=%231/aio.go")
		if r := s.Tree.Rows[1]; r.Count != 3000 || r.Hidden != 2900 {
			t.Errorf("got %+v", r)
		}
		if s := snapshot(t, page, "q=wide"); s.Tree.Matches != 3000 || len(s.Tree.Rows) != 500 {
			t.Errorf("%d match, %d rows", s.Tree.Matches, len(s.Tree.Rows))
		}
	})
}

// The children of an operation that has ended, and stays for them, are shown
// below what is above it.
func TestTreeGhost(t *testing.T) {
	loop := new(aio.Loop)
	page := live.Handler(loop)
	run(t, loop, func(ctx context.Context) {
		aio.Spawn(ctx, "gone", func(ctx context.Context) error {
			ctx.Done() // so that it stays
			hold(ctx, 1, "left")
			return nil
		})
		synctest.Wait()
		if got := rows(snapshot(t, page, "").Tree); !slices.Equal(got, []string{"aio.main main", " aio.go left"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestControl(t *testing.T) {
	loop := new(aio.Loop)
	page := &live.Page{Loop: loop, AllowControl: true}
	run(t, loop, func(ctx context.Context) {
		f := aio.Go(ctx, "job", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		synctest.Wait()
		snapshot(t, page, "") // gives the job an ID
		if w := ask(page, "POST", "/stack?op=2"); w.Code != 200 || !strings.Contains(w.Body.String(), "TestControl") {
			t.Errorf("stack: %d", w.Code)
		}
		if w := ask(page, "POST", "/stack?op=99"); !strings.Contains(w.Body.String(), "not in flight any more") {
			t.Error("stack of nothing")
		}
		if w := ask(page, "GET", "/stack?op=2"); w.Code != 303 || w.Header().Get("Location") != "./?op=2" {
			t.Errorf("GET of a stack: %d", w.Code)
		}
		if w := ask(page, "POST", "/cancel?op=1"); w.Code != 404 || ctx.Err() != nil {
			t.Errorf("main was cancelled: %d", w.Code)
		}
		if w := ask(page, "POST", "/cancel?op=2"); w.Code != 303 {
			t.Errorf("cancel: %d", w.Code)
		}
		if _, err := f.Await(ctx); err == nil || !strings.Contains(err.Error(), "by hand") {
			t.Errorf("the job's error is %v", err)
		}
		if w := ask(page, "POST", "/cancel?op=2"); w.Code != 404 {
			t.Errorf("cancel again: %d", w.Code)
		}
		if w := ask(page, "POST", "/drain"); w.Code != 303 {
			t.Errorf("drain: %d", w.Code)
		}
		<-loop.Draining()
	})
}

// The history is kept while a client watches, and for 30 s after that.
func TestHistory(t *testing.T) {
	loop := &aio.Loop{OnEvent: func(aio.Event) {}}
	page := live.Handler(loop)
	run(t, loop, func(ctx context.Context) {
		fail := func(n int) {
			for i := range n {
				aio.Spawn(ctx, fmt.Sprint("bad", i), func(context.Context) error { return errors.New("no") })
				synctest.Wait()
			}
		}
		fail(1)
		if s := snapshot(t, page, ""); len(s.Events) != 0 || len(s.Samples) != 0 {
			t.Error("a history though no one watches")
		}
		wctx, leave := context.WithCancel(context.Background())
		out, done := watch(wctx, page, "as=json")
		time.Sleep(1500 * time.Millisecond)
		if n := len(out.take()); n != 2 {
			t.Errorf("%d events of the stream in 1.5 s, want 2", n)
		}
		fail(250)
		time.Sleep(10 * time.Second)
		s := snapshot(t, page, "")
		if len(s.Events) != 200 || s.Events[0].Op != "bad249" || s.Events[199].Op != "bad50" {
			t.Errorf("%d events", len(s.Events))
		}
		if n := len(s.Samples); n != 11 || s.Samples[1].Started != 250 || s.Samples[1].Failed != 250 || s.Samples[2].Started != 0 {
			t.Errorf("%d samples: %+v", n, s.Samples)
		}
		time.Sleep(6 * time.Minute)
		if n := len(snapshot(t, page, "").Samples); n != 300 {
			t.Errorf("%d samples after 6 minutes", n)
		}
		leave()
		<-done
		time.Sleep(29 * time.Second)
		if s := snapshot(t, page, ""); len(s.Events) != 200 {
			t.Error("a browser that comes back finds no history")
		}
		time.Sleep(2 * time.Second)
		fail(1)
		if s := snapshot(t, page, ""); len(s.Events) != 0 || len(s.Samples) != 0 {
			t.Error("the history is still there")
		}
	})
}

// A stream shows the countdown, and ends with the loop.
func TestStreamEnds(t *testing.T) {
	loop := &aio.Loop{Grace: 4 * time.Second}
	page := live.Handler(loop)
	synctest.Test(t, func(t *testing.T) {
		loop.Logger = quiet
		var out *sink
		var done <-chan struct{}
		err := loop.Run(t.Context(), func(ctx context.Context) error {
			out, done = watch(context.Background(), page, "")
			hold(ctx, 1, "holds out")
			time.Sleep(2500 * time.Millisecond)
			out.take()
			loop.Exit(nil)
			return nil
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		<-done
		events := out.take()
		all := strings.Join(events, "\n")
		for _, want := range []string{"draining", "at most \\u003cb\\u003e4.0 s", "at most \\u003cb\\u003e2.0 s", "Cut off when the time of grace had passed", "holds out"} {
			if !strings.Contains(all, want) {
				t.Errorf("no %q in what was sent", want)
			}
		}
		if last := events[len(events)-1]; !strings.Contains(last, "event: end") || !strings.Contains(last, "nothing is left") {
			t.Errorf("the last event is %q", last)
		}
		// 4 s, 4 in a second, and the end
		if n := len(events); n < 15 || n > 20 {
			t.Errorf("%d events while the loop ended", n)
		}
		time.Sleep(time.Minute) // the history goes
	})
}

// Streams that show the same share their frames; others do not.
func TestStreamsShare(t *testing.T) {
	loop := new(aio.Loop)
	page := live.Handler(loop)
	run(t, loop, func(ctx context.Context) {
		hold(ctx, 1, "job")
		wctx, leave := context.WithCancel(context.Background())
		a, doneA := watch(wctx, page, "")
		b, doneB := watch(wctx, page, "sort=age")
		c, doneC := watch(wctx, page, "q=job")
		j, doneJ := watch(wctx, page, "as=json")
		time.Sleep(5500 * time.Millisecond)
		if x, y := a.take(), b.take(); !slices.Equal(x, y) || len(x) != 6 {
			t.Errorf("%d and %d events, or they differ", len(x), len(y))
		}
		if text := strings.Join(c.take(), ""); !strings.Contains(text, "1 match") {
			t.Error("the search shows something else")
		}
		if text := strings.Join(j.take(), ""); !strings.HasPrefix(text, `data: {"Time":`) {
			t.Error("no JSON")
		}
		leave()
		<-doneA
		<-doneB
		<-doneC
		<-doneJ
	})
}

func ExampleHandler() {
	loop := &aio.Loop{Name: "shop"}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		aio.Daemon(ctx, "restock", func(ctx context.Context) error { <-ctx.Done(); return nil })
		w := ask(live.Handler(loop), "GET", "/debug/live/")
		fmt.Println(w.Code, strings.Contains(w.Body.String(), "restock"))
		return nil
	})
	fmt.Println(err)
	// Output:
	// 200 true
	// <nil>
}
