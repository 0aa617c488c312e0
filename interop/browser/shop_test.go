package browser

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"goaio.example/aio"
	"goaio.example/aio/live"
	"goaio.example/aio/timer"
	"goaio.example/interop/browser/shop"
)

// fits says that nothing is wider than the window.
const fits = `document.documentElement.scrollWidth <= innerWidth`

// A shop that is busy, and then drains, is shown to its end, in every window.
func TestShop(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"light", 1200, false}, {"dark", 1200, true}, {"phone", 360, false}, {"wide", 1900, true}} {
		t.Run(c.name, func(t *testing.T) {
			ctx := tab(t, c.width, c.dark)
			loop, page := &aio.Loop{Grace: 20 * time.Second}, new(live.Server)
			looked := make(chan struct{})
			err := shop.Run(context.Background(), loop, page, func(context.Context) {
				go func() { // the customers come when this has returned
					defer close(looked)
					defer loop.Exit(nil)
					do(t, ctx, chromedp.Navigate(page.URL()))
					has(t, ctx, contains("requests", "POST /orders/"))
					has(t, ctx, contains("tree", "order "))
					has(t, ctx, contains("events", "will be sent tomorrow"))
					is(t, ctx, fits)
					picture(t, ctx, "shop-"+c.name)
					loop.Exit(nil)
					has(t, ctx, contains("held", "Still in flight"))
					is(t, ctx, `document.title == "shop: draining"`)
					is(t, ctx, fits)
					picture(t, ctx, "shop-drain-"+c.name)
				}()
			})
			<-looked
			if err != nil {
				t.Errorf("shop.Run: %v", err)
			}
			has(t, ctx, contains("link", "The loop has ended, and nothing is left."))
			is(t, ctx, `document.title == "shop: ended"`)
			is(t, ctx, `document.querySelectorAll("#tree tr").length == 0`)
			picture(t, ctx, "shop-ended-"+c.name)
		})
	}
}

// A hundred thousand operations are a few rows, and one of them is found.
func TestMany(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"dark", 1200, true}, {"phone", 360, false}} {
		t.Run(c.name, func(t *testing.T) {
			ctx := tab(t, c.width, c.dark)
			says := listen(ctx)
			program(t, new(aio.Loop), &live.Server{}, func(loopCtx context.Context, url string) {
				// all are there before the first look: the next may be a while
				// after it
				var started sync.WaitGroup
				started.Add(1000)
				for range 1000 {
					aio.Daemon(loopCtx, "session", func(ctx context.Context) error {
						for range 99 {
							timer.After(ctx, time.Hour)
						}
						started.Done()
						<-ctx.Done()
						return nil
					})
				}
				started.Wait()
				do(t, ctx, chromedp.Navigate(url))
				has(t, ctx, contains("rates", "101,20"))
				has(t, ctx, contains("tree", "timer.after × 99,000"))
				is(t, ctx, fits)
				picture(t, ctx, "many-"+c.name)
				// the sessions
				do(t, ctx, chromedp.Evaluate(`document.querySelector("#tree .fold a").click()`, nil))
				has(t, ctx, contains("tree", "900 not shown"))
				is(t, ctx, fits)
				picture(t, ctx, "many-open-"+c.name)

				// The search does not load the page again.
				do(t, ctx, chromedp.Evaluate(`window.same = true`, nil),
					chromedp.SendKeys(`#search input`, "stock\r", chromedp.ByQuery))
				has(t, ctx, contains("tree", "1 match"))
				is(t, ctx, `same && location.search.includes("q=stock")`)
				do(t, ctx, chromedp.Click(`#tree .sum a`, chromedp.ByQuery))
				has(t, ctx, contains("tree", "timer.after"))
				is(t, ctx, `same && document.querySelector("#search input").value == ""`)
			})
			says.none(t)
		})
	}
}

// While the page is paused nothing moves, and then it goes on.
func TestPause(t *testing.T) {
	ctx := tab(t, 1200, false)
	program(t, new(aio.Loop), &live.Server{}, func(loopCtx context.Context, url string) {
		do(t, ctx, chromedp.Navigate(url))
		has(t, ctx, `document.querySelectorAll("#rates svg").length == 6`)
		do(t, ctx, chromedp.Click(`#pause`, chromedp.ByQuery))
		is(t, ctx, contains("link", "Paused."))
		aio.Spawn(loopCtx, "late comer", func(ctx context.Context) error { <-ctx.Done(); return nil })
		// longer than it takes otherwise
		do(t, ctx, chromedp.Sleep(1500*time.Millisecond))
		is(t, ctx, "!"+contains("tree", "late comer"))
		do(t, ctx, chromedp.Click(`#pause`, chromedp.ByQuery))
		has(t, ctx, contains("tree", "late comer"))
		is(t, ctx, "!"+contains("link", "Paused."))
	})
}
