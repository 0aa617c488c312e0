package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"goaio.example/aio"
	"goaio.example/aio/live"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

const hostile = `GET /<script>hacked=1</script><img src=x onerror=hacked=1>"'` + "\x1b[31m\u202e"

// program runs a loop with something of everything in it, and calls look with
// the address of its page. The loop is cancelled after that.
func program(t *testing.T, loop *aio.Loop, page *live.Server, look func(ctx context.Context, url string)) {
	t.Helper()
	loop.Name, loop.OnEvent = "shop", func(aio.Event) {}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		if err := page.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer loop.Cancel(nil)
		if _, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{Data: func(*tcp.Conn, []byte) {}}); err != nil {
			return err
		}
		for range 1200 {
			timer.After(ctx, time.Hour)
		}
		aio.Go(ctx, hostile, func(ctx context.Context) (int, error) {
			inner := aio.Go(ctx, "query the stock", func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil })
			return inner.Await(ctx)
		})
		aio.Spawn(ctx, "flaky", func(context.Context) error { return errors.New("no luck <b>today</b>") })
		look(ctx, page.URL())
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

// complaints are what the browser's console says of a page: errors, and what
// the policy has kept from running.
type complaints struct {
	mu   sync.Mutex
	text []string
}

func listen(ctx context.Context) *complaints {
	c := new(complaints)
	chromedp.ListenTarget(ctx, func(ev any) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			c.text = append(c.text, ev.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			c.text = append(c.text, ev.Entry.Text)
		}
	})
	return c
}

func (c *complaints) none(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.text {
		t.Errorf("the browser says: %s", text)
	}
}

// do runs actions.
func do(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("chromedp.Run: %v", err)
	}
}

// has waits until an expression is true in the page, also in the one that is
// loaded meanwhile.
func has(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	var err error
	for range 10 {
		err = chromedp.Run(ctx, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(20*time.Second)))
		if err == nil {
			return
		}
		// of a page that was left
		if text := err.Error(); !strings.Contains(text, "context") && !strings.Contains(text, "navigated") {
			break
		}
	}
	var text string
	// for the message
	chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText`, &text))
	t.Fatalf("%s: %v; the page is %.2000s", expression, err, text)
}

// contains is an expression that is true when an element has a text.
func contains(id, text string) string {
	return fmt.Sprintf("document.getElementById(%q).textContent.includes(%q)", id, text)
}

// is checks that an expression is true now.
func is(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	var got bool
	if err := chromedp.Run(ctx, chromedp.Evaluate(expression, &got)); err != nil || !got {
		t.Errorf("%s is %t, %v", expression, got, err)
	}
}

func TestPage(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"light", 1200, false}, {"dark", 1200, true}, {"phone", 360, false}, {"phone-dark", 360, true}} {
		t.Run(c.name, func(t *testing.T) {
			ctx := tab(t, c.width, c.dark)
			says := listen(ctx)
			program(t, &aio.Loop{Sites: true}, &live.Server{}, func(loopCtx context.Context, url string) {
				do(t, ctx, chromedp.Navigate(url))
				is(t, ctx, contains("tree", "timer.after × 1,200"))
				do(t, ctx, chromedp.Evaluate(`window.same = true`, nil))
				// by the stream
				has(t, ctx, `document.querySelectorAll("#rates svg").length == 6`)

				// It is updated without being loaded again, and the focus
				// stays.
				do(t, ctx, chromedp.Focus(`#tree a`, chromedp.ByQuery))
				aio.Spawn(loopCtx, "late comer", func(ctx context.Context) error { <-ctx.Done(); return nil })
				aio.Spawn(loopCtx, "trouble", func(context.Context) error { return errors.New("bad luck <i>") })
				has(t, ctx, contains("tree", "late comer"))
				has(t, ctx, contains("events", "bad luck <i>"))
				is(t, ctx, `same && document.activeElement.textContent == "main"`)

				// What a peer has named is text.
				is(t, ctx, contains("tree", `GET /<script>hacked=1</script><img src=x onerror=hacked=1>"'\x1b[31m\u202e`))
				is(t, ctx, `typeof hacked == "undefined" && document.querySelectorAll("main script, main img, main i").length == 0`)

				// An operation in detail, and a row opened, by the keyboard.
				do(t, ctx, chromedp.Evaluate(`[...document.querySelectorAll("#tree a")].find(a => a.textContent.startsWith("GET")).focus()`, nil),
					chromedp.KeyEvent("\r"))
				has(t, ctx, contains("chosen", "query the stock"))
				is(t, ctx, contains("chosen", "page_test.go:"))
				is(t, ctx, `same`)
				is(t, ctx, fits)
				picture(t, ctx, "page-"+c.name)
				do(t, ctx, chromedp.Evaluate(`document.querySelector("#tree .fold a").click()`, nil))
				has(t, ctx, contains("tree", "1,100 not shown"))
				is(t, ctx, fits)
				is(t, ctx, `same`)
				do(t, ctx, chromedp.Submit(`#chosen form`, chromedp.ByQuery))
				has(t, ctx, `document.getElementById("stack")?.textContent.includes("browser.program")`)
				is(t, ctx, fits)
				picture(t, ctx, "stack-"+c.name)
			})
			says.none(t)
		})
	}
}

// Without JavaScript the page is there too.
func TestWithoutScript(t *testing.T) {
	ctx := tab(t, 1200, false)
	program(t, new(aio.Loop), &live.Server{}, func(_ context.Context, url string) {
		do(t, ctx, chromedp.ActionFunc(disableScripts), chromedp.Navigate(url+"?q=stock"))
		var text string
		do(t, ctx, chromedp.Text("body", &text, chromedp.ByQuery))
		for _, want := range []string{"running", "1 match", "query the stock", "A snapshot of "} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		if strings.Contains(text, "Pause") {
			t.Error("there is a button that needs a script")
		}
		picture(t, ctx, "no-script-search")
		do(t, ctx, chromedp.Navigate(url))
		picture(t, ctx, "no-script")
	})
}

// The page comes back after its connection is cut.
func TestReconnect(t *testing.T) {
	ctx := tab(t, 1200, false)
	loop := new(aio.Loop)
	err := loop.Run(context.Background(), func(loopCtx context.Context) error {
		s := httptest.NewServer(live.Handler(loop))
		defer s.Close()
		defer s.CloseClientConnections()
		do(t, ctx, chromedp.Navigate(s.URL))
		has(t, ctx, `document.querySelectorAll("#rates svg").length == 6`)
		s.CloseClientConnections()
		has(t, ctx, contains("link", "Not connected"))
		hold, err := aio.Begin(loopCtx, aio.NewKind("test.late"), "came meanwhile")
		if err != nil {
			return err
		}
		defer hold.End(nil)
		has(t, ctx, contains("tree", "came meanwhile"))
		has(t, ctx, `document.getElementById("link").textContent == ""`)
		do(t, ctx, chromedp.Navigate("about:blank"))
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

// The page shows a drain to its end, also when it was asked for by its button.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		name string
		dark bool
	}{{"light", false}, {"dark", true}} {
		t.Run(c.name, func(t *testing.T) {
			ctx := tab(t, 1200, c.dark)
			page := &live.Server{Page: live.Page{AllowControl: true}}
			loop := &aio.Loop{Grace: time.Minute}
			release := make(chan struct{})
			err := loop.Run(context.Background(), func(loopCtx context.Context) error {
				if err := page.Start(loopCtx, "127.0.0.1:0"); err != nil {
					return err
				}
				aio.Spawn(loopCtx, "last order", func(context.Context) error { <-release; return nil })
				do(t, ctx, chromedp.Navigate(page.URL()))
				has(t, ctx, `document.querySelectorAll("#rates svg").length == 6`)
				do(t, ctx, chromedp.Click(`#head form button`, chromedp.ByQuery))
				has(t, ctx, contains("head", "draining"))
				// it counts
				has(t, ctx, `/at most 5[0-8]\.\d s more/.test(document.getElementById("head").textContent)`)
				is(t, ctx, contains("held", "aio.spawn"))
				picture(t, ctx, "drain-"+c.name)
				close(release)
				return nil
			})
			if err != nil {
				t.Errorf("Run: %v", err)
			}
			has(t, ctx, contains("link", "The loop has ended, and nothing is left."))
			is(t, ctx, contains("head", "ended"))
			is(t, ctx, contains("held", "Nothing."))
			picture(t, ctx, "ended-"+c.name)
		})
	}
}

// A name of another site that leads here gets nothing.
func TestRebinding(t *testing.T) {
	ctx := tab(t, 1200, false)
	program(t, new(aio.Loop), &live.Server{}, func(_ context.Context, url string) {
		rebound := strings.Replace(url, "127.0.0.1", "rebound.example", 1)
		res, err := chromedp.RunResponse(ctx, chromedp.Navigate(rebound))
		if err != nil || res.Status != 421 {
			t.Fatalf("%v, %+v", err, res)
		}
		is(t, ctx, `!document.body.textContent.includes("query the stock")`)
		// Nor does a page of another site read it.
		var got string
		do(t, ctx, chromedp.Evaluate(`fetch("`+url+`snapshot").then(r => r.text(), e => "refused: " + e)`, &got, awaited))
		if !strings.HasPrefix(got, "refused: ") {
			t.Errorf("another site has read %.100s", got)
		}
	})
}
