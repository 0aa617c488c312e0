// Picture makes the picture of the page that the README has: a shop that was
// open for a while, and drains.
//
//	cd interop/browser && go run ./picture [-o ../../docs/live.png] [-for 60s] [-light]
//
// It needs chromium.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/chromedp/chromedp"

	"goaio.example/aio"
	"goaio.example/aio/live"
	"goaio.example/interop/browser/chrome"
	"goaio.example/interop/browser/shop"
)

func main() {
	out := flag.String("o", "../../docs/live.png", "the `file` that is written")
	length := flag.Duration("for", time.Minute, "how long the shop is open before")
	light := flag.Bool("light", false, "the light page")
	height := flag.Int64("height", 860, "of the picture, in `pixels`")
	flag.Parse()
	png, err := take(*length, *height, !*light)
	if err != nil {
		log.Fatal("picture: ", err)
	}
	if err := os.WriteFile(*out, png, 0o644); err != nil {
		log.Fatal("picture: ", err)
	}
	fmt.Printf("%s: %d KB\n", *out, len(png)/1000)
}

// take runs the shop, and takes the picture after it has begun to drain.
func take(length time.Duration, height int64, dark bool) (png []byte, err error) {
	tab, stop, err := chrome.Start(context.Background())
	if err != nil {
		return nil, err
	}
	defer stop()
	var page live.Server
	loop := &aio.Loop{Grace: 10 * time.Second}
	taken := make(chan error, 1)
	err = shop.Run(context.Background(), loop, &page, func(context.Context) {
		go func() {
			taken <- chromedp.Run(tab,
				chrome.Window(1200, height, dark),
				chromedp.Navigate(page.URL()),
				chromedp.Sleep(length),
				chromedp.ActionFunc(func(context.Context) error { loop.Exit(nil); return nil }),
				chromedp.Sleep(2200*time.Millisecond),
				chromedp.CaptureScreenshot(&png))
			loop.Cancel(nil)
		}()
	})
	if err != nil {
		return nil, err
	}
	if err := <-taken; err != nil {
		return nil, err
	}
	return fewColours(png)
}
